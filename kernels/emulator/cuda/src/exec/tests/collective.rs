//! What lanes of a warp do together.
use super::{Bench, Case, check};

/// Four rows, so four lanes: `%r1` is the row's first number.
pub const CASES: &[Case] = &[
    (
        "shfl.sync.down.b32 %r0|%p0, %r1, 1, 31, 15;",
        &[[10, 0, 0, 11], [11, 0, 0, 12], [12, 0, 0, 13], [13, 0, 0, 0xFFFF_FFFF]],
    ),
    ("shfl.sync.down.b32 %r0, %r1, 2, 7199, 15;", &[[10, 0, 0, 12], [11, 0, 0, 13], [12, 0, 0, 12], [13, 0, 0, 13]]),
    ("shfl.sync.up.b32 %r0, %r1, 1, 0, 15;", &[[10, 0, 0, 10], [11, 0, 0, 10], [12, 0, 0, 11], [13, 0, 0, 12]]),
    ("shfl.sync.bfly.b32 %r0, %r1, 1, 31, 15;", &[[10, 0, 0, 11], [11, 0, 0, 10], [12, 0, 0, 13], [13, 0, 0, 12]]),
    ("shfl.sync.idx.b32 %r0, %r1, %r2, 31, 15;", &[[10, 3, 0, 13], [11, 2, 0, 12], [12, 0, 0, 10], [13, 3, 0, 13]]),
    (
        "shfl.sync.up.b32 %r0|%p0, %r1, 1, 0, 15; selp.b32 %r0, 1, 0, %p0;",
        &[[10, 0, 0, 0], [11, 0, 0, 1], [12, 0, 0, 1]],
    ),
    (
        "vote.sync.ballot.b32 %r0, %p1, 15;",
        &[[1, 0, 0, 0b1011], [1, 0, 0, 0b1011], [0, 0, 0, 0b1011], [1, 0, 0, 0b1011]],
    ),
    ("vote.sync.ballot.b32 %r0, !%p1, 15;", &[[1, 0, 0, 0b10], [0, 0, 0, 0b10]]),
    ("vote.sync.any.pred %p0, %p1, 3;", &[[0, 0, 0, 1], [1, 0, 0, 1]]),
    ("vote.sync.all.pred %p0, %p1, 3;", &[[0, 0, 0, 0], [1, 0, 0, 0]]),
    ("vote.sync.uni.pred %p0, %p1, 3;", &[[0, 0, 0, 1], [0, 0, 0, 1]]),
    ("redux.sync.add.u32 %r0, %r1, 7;", &[[1, 0, 0, 6], [2, 0, 0, 6], [3, 0, 0, 6]]),
    ("redux.sync.add.s32 %r0, %r1, 7;", &[[1, 0, 0, 6], [2, 0, 0, 6], [3, 0, 0, 6]]),
    ("redux.sync.min.s32 %r0, %r1, 3;", &[[0xFFFF_FFFF, 0, 0, 0xFFFF_FFFF], [2, 0, 0, 0xFFFF_FFFF]]),
    ("redux.sync.min.u32 %r0, %r1, 3;", &[[0xFFFF_FFFF, 0, 0, 2], [2, 0, 0, 2]]),
    ("redux.sync.max.s32 %r0, %r1, 3;", &[[0xFFFF_FFFF, 0, 0, 2], [2, 0, 0, 2]]),
    ("redux.sync.max.u32 %r0, %r1, 3;", &[[0xFFFF_FFFF, 0, 0, 0xFFFF_FFFF], [2, 0, 0, 0xFFFF_FFFF]]),
    ("redux.sync.and.b32 %r0, %r1, 3;", &[[6, 0, 0, 2], [3, 0, 0, 2]]),
    ("redux.sync.or.b32 %r0, %r1, 3;", &[[6, 0, 0, 7], [3, 0, 0, 7]]),
    ("redux.sync.xor.b32 %r0, %r1, 3;", &[[6, 0, 0, 5], [3, 0, 0, 5]]),
    ("activemask.b32 %r0;", &[[0, 0, 0, 7], [0, 0, 0, 7], [0, 0, 0, 7]]),
    ("mov.u32 %r0, %laneid;", &[[0, 0, 0, 0], [0, 0, 0, 1]]),
    ("mov.u32 %r0, %lanemask_lt;", &[[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 3]]),
    ("mov.u32 %r0, %lanemask_le;", &[[0, 0, 0, 1], [0, 0, 0, 3]]),
    ("mov.u32 %r0, %lanemask_eq;", &[[0, 0, 0, 1], [0, 0, 0, 2]]),
    ("mov.u32 %r0, %lanemask_ge;", &[[0, 0, 0, 0xFFFF_FFFF], [0, 0, 0, 0xFFFF_FFFE]]),
    ("mov.u32 %r0, %lanemask_gt;", &[[0, 0, 0, 0xFFFF_FFFE], [0, 0, 0, 0xFFFF_FFFC]]),
];

/// A warp's sum through shared memory, ordered by barriers of the warp alone.
const WARP_SUM: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry warp_sum(.param .u64 out)
{
    .shared .align 4 .b8 s[128];
    .reg .b64 %rd<3>; .reg .b32 %r<8>; .reg .pred %p<3>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    shl.b32 %r2, %r1, 2;
    st.shared.u32 [%r2], %r1;
    bar.warp.sync -1;
    mov.u32 %r3, 16;
LOOP:
    shl.b32 %r4, %r3, 2;
    add.s32 %r4, %r4, %r2;
    setp.ge.u32 %p1, %r1, %r3;
    @%p1 bra JOIN;
    ld.shared.u32 %r5, [%r4];
    ld.shared.u32 %r6, [%r2];
    add.s32 %r6, %r6, %r5;
    st.shared.u32 [%r2], %r6;
JOIN:
    bar.warp.sync -1;
    barrier.warp.sync -1;
    shr.u32 %r3, %r3, 1;
    setp.ne.s32 %p2, %r3, 0;
    @%p2 bra LOOP;
    ld.shared.u32 %r7, [s];
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd2, %rd1, %rd2;
    st.global.u32 [%rd2], %r7;
    ret;
}";

pub const KERNELS: &[&str] = &[WARP_SUM];

#[test]
fn shuffles_votes_and_reductions_have_the_results_of_the_manual() {
    check(CASES);
}

#[test]
fn barriers_of_a_warp_order_shared_memory_and_their_absence_is_a_race() {
    let mut bench = Bench::new();
    let to = bench.upload(&[0; 32]);
    bench.run(WARP_SUM, 1, 32, 0, &[to]).unwrap();
    assert_eq!(bench.download(to, 32), [496; 32]);
    let without = WARP_SUM.replace("JOIN:\n    bar.warp.sync -1;\n    barrier.warp.sync -1;", "JOIN:");
    assert!(bench.run(&without, 1, 32, 0, &[to]).unwrap_err().contains("race"));
}

#[test]
fn a_member_mask_that_is_not_who_is_there_is_a_fault() {
    let text = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry k() { .reg .b32 %r<3>; .reg .pred %p<2>;
mov.u32 %r1, %tid.x; setp.gt.u32 %p1, %r1, 3; @%p1 bra END;
shfl.sync.bfly.b32 %r2, %r1, 1, 31, -1;
END: ret; }";
    let message = Bench::new().run(text, 1, 8, 0, &[]).unwrap_err();
    assert!(message.contains("members 0xffffffff, but lanes 0xf are here"), "{message}");
}
