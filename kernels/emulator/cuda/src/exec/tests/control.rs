//! Branches, barriers, the end, the order of blocks and warps, and what is counted.
use super::Bench;

/// Odd threads go round a loop as often as their number, even threads at once to the end; both meet there.
const DIVERGENT: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry divergent(.param .u64 out)
{
    .reg .b64 %rd<3>; .reg .b32 %r<6>; .reg .pred %p<3>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    mov.u32 %r2, 0;
    mov.u32 %r3, %r1;
    and.b32 %r4, %r1, 1;
    setp.eq.s32 %p1, %r4, 0;
    @%p1 bra MEET;
LOOP:
    add.s32 %r2, %r2, 2;
    sub.s32 %r3, %r3, 1;
    setp.ne.s32 %p2, %r3, 0;
    @%p2 bra LOOP;
    bra.uni MEET;
MEET:
    activemask.b32 %r5;
    @!%p1 add.s32 %r2, %r2, 1;
    mul.wide.u32 %rd2, %r1, 8;
    add.s64 %rd2, %rd1, %rd2;
    st.global.v2.u32 [%rd2], {%r2, %r5};
    ret;
}";

/// Every thread's dimensions, and a sum over the block through shared memory with one barrier.
const BLOCKS: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry blocks(.param .u64 out)
.maxntid 64, 1, 1
{
    .shared .align 4 .u32 last;
    .reg .b64 %rd<3>; .reg .b32 %r<12>; .reg .pred %p<3>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z; mov.u32 %r4, %ntid.x; mov.u32 %r5, %ntid.y;
    mov.u32 %r6, %ctaid.x; mov.u32 %r7, %nctaid.x; mov.u32 %r8, %warpid; mov.u32 %r9, %nwarpid;
    setp.eq.s32 %p1, %r1, 63;
    @%p1 st.shared.u32 [last], %r6;
    membar.cta; fence.acq_rel.cta; membar.gl; fence.sc.gpu; fence.acq_rel.gpu; membar.sys;
    barrier.sync 0;
    ld.shared.u32 %r10, [last];
    mad.lo.s32 %r11, %r6, %r4, %r1;
    mul.wide.u32 %rd2, %r11, 4;
    add.s64 %rd2, %rd1, %rd2;
    mad.lo.s32 %r10, %r10, 100, %r8;
    mad.lo.s32 %r10, %r9, 10, %r10;
    st.global.u32 [%rd2], %r10;
    exit;
}";

/// The first block that runs takes the word.
const FIRST_COME: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry first_come(.param .u64 out)
{
    .reg .b64 %rd<2>; .reg .b32 %r<4>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %warpid;
    mad.lo.u32 %r1, %r1, 8, %r2;
    atom.global.cas.b32 %r3, [%rd1], -1, %r1;
    ret;
}";

pub const KERNELS: &[&str] = &[DIVERGENT, BLOCKS, FIRST_COME];

#[test]
fn lanes_that_part_meet_again() {
    let mut bench = Bench::new();
    let to = bench.upload(&[0; 64]);
    bench.run(DIVERGENT, 1, 32, 0, &[to]).unwrap();
    for (lane, pair) in bench.download(to, 64).chunks_exact(2).enumerate() {
        let expected = if lane % 2 == 0 { 0 } else { 2 * lane as u32 + 1 };
        assert_eq!(pair, [expected, u32::MAX], "lane {lane}");
    }
    // The parting of odd and even, and of every odd lane but the last from the loop.
    assert_eq!((bench.counts.divergent_branches, bench.counts.branches), (16, 32));
}

#[test]
fn blocks_have_their_dimensions_and_barriers() {
    let mut bench = Bench::new();
    let to = bench.upload(&[0; 192]);
    bench.run(BLOCKS, 3, 64, 0, &[to]).unwrap();
    for (thread, value) in bench.download(to, 192).into_iter().enumerate() {
        assert_eq!(value as usize, thread / 64 * 100 + 20 + thread % 64 / 32);
    }
    assert_eq!((bench.counts.blocks, bench.counts.warps, bench.counts.barriers), (3, 6, 3));
}

#[test]
fn a_seed_changes_the_order_of_blocks_and_warps() {
    let first = |order: u64| {
        let mut bench = Bench::new();
        bench.options.order = order;
        let to = bench.upload(&[u32::MAX]);
        bench.run(FIRST_COME, 16, 256, 0, &[to]).unwrap();
        bench.download(to, 1)[0]
    };
    assert_eq!(first(0), 0);
    let found: std::collections::BTreeSet<_> = (1..20).map(first).collect();
    assert!(found.len() > 10, "{found:?}");
    assert_eq!(first(7), first(7));
}

/// The message of a kernel with this body, for a block of 64 threads.
fn fault(body: &str) -> String {
    let text = format!(
        ".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry faulty() {{\n\
         .reg .b32 %r<4>; .reg .pred %p<3>; mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 40;\n{body}\nret; }}"
    );
    let mut bench = Bench::new();
    bench.options.branches = 1000;
    bench.run(&text, 1, 64, 0, &[]).unwrap_err()
}

#[test]
fn barriers_in_divergent_code_are_faults() {
    assert!(fault("@%p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:").contains("barrier in divergent code"));
    assert!(fault("@%p1 bra A; bra B; A: bar.sync 0; B:").contains("barrier in divergent code"));
}

#[test]
fn a_warp_that_never_ends_is_a_fault() {
    assert!(fault("LOOP: bra LOOP;").contains("hangs"));
}

#[test]
fn a_trap_is_a_fault() {
    assert!(fault("@%p1 trap;").contains("trap in lanes 0xffffffff of warp 0"));
}
