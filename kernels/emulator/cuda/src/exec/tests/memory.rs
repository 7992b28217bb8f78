//! Loads, stores, atomic operations, and their faults and counts.
use super::Bench;

const HEAD: &str = ".version 7.0\n.target sm_75\n.address_size 64\n";

/// Every width of global memory: bytes, halves, words, pairs, quads, with signs.
const WIDTHS: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry widths(.param .u64 in, .param .u64 out)
{
    .reg .b64 %rd<12>; .reg .b32 %r<16>; .reg .b16 %h<8>; .reg .f32 %f<12>; .reg .f64 %d<4>;
    ld.param.u64 %rd1, [in]; ld.param.b64 %rd2, [out];
    cvta.to.global.u64 %rd3, %rd1; cvta.to.global.u64 %rd4, %rd2;
    ld.global.u8 %h1, [%rd3]; cvt.u32.u16 %r1, %h1; st.global.u32 [%rd4], %r1;
    ld.global.s8 %h2, [%rd3]; cvt.s32.s16 %r2, %h2; st.global.b32 [%rd4+4], %r2;
    ld.global.u16 %h3, [%rd3]; cvt.u32.u16 %r3, %h3; st.global.s32 [%rd4+8], %r3;
    ld.global.s16 %r4, [%rd3]; st.global.u32 [%rd4+12], %r4;
    ld.global.nc.u32 %r5, [%rd3+4]; ld.global.nc.b32 %r6, [%rd3+4]; ld.global.s32 %r7, [%rd3+4];
    add.s32 %r5, %r5, %r6; add.s32 %r5, %r5, %r7; st.global.u32 [%rd4+16], %r5;
    ld.global.nc.f32 %f1, [%rd3+8]; st.global.f32 [%rd4+20], %f1;
    ld.global.v2.f32 {%f2, %f3}, [%rd3+8]; st.global.v2.f32 [%rd4+24], {%f3, %f2};
    ld.global.nc.v2.f32 {%f2, %f3}, [%rd3+8]; st.global.v2.f32 [%rd4+32], {%f2, %f3};
    ld.global.nc.v4.f32 {%f4, %f5, %f6, %f7}, [%rd3+16]; st.global.v4.f32 [%rd4+48], {%f4, %f5, %f6, %f7};
    st.global.wb.v4.f32 [%rd4+48], {%f7, %f6, %f5, %f4};
    ld.global.v4.f32 {%f4, _, %f6, %f7}, [%rd3+16]; st.global.f32 [%rd4+64], %f6;
    ld.global.v2.u32 {%r8, %r9}, [%rd3+8]; st.global.v2.u32 [%rd4+72], {%r9, %r8};
    ld.global.nc.v4.u32 {%r8, %r9, %r10, %r11}, [%rd3+16]; st.global.v4.u32 [%rd4+80], {%r11, %r10, %r9, %r8};
    ld.global.v4.u32 {%r8, %r9, %r10, %r11}, [%rd3+16]; st.global.v4.b32 [%rd4+80], {%r11, %r10, %r9, %r8};
    ld.global.nc.v2.u32 {%r8, %r9}, [%rd3+8]; st.global.v2.b32 [%rd4+72], {%r9, %r8};
    ld.global.u64 %rd5, [%rd3+8]; ld.global.nc.u64 %rd6, [%rd3+8]; add.s64 %rd7, %rd5, %rd6; st.global.u64 [%rd4+96], %rd7;
    ld.global.f64 %d1, [%rd3+8]; st.global.f64 [%rd4+104], %d1; ld.global.nc.f64 %d1, [%rd3+8];
    ld.global.v2.u64 {%rd5, %rd6}, [%rd3+16]; st.global.v2.u64 [%rd4+112], {%rd6, %rd5};
    ld.global.nc.v2.u64 {%rd5, %rd6}, [%rd3+16]; ld.global.s64 %rd7, [%rd3+8]; st.global.b64 [%rd4+128], %rd7;
    ld.global.v2.f64 {%d1, %d2}, [%rd3+16]; st.global.v2.f64 [%rd4+144], {%d2, %d1};
    ld.global.nc.u8 %h4, [%rd3+1]; st.global.u8 [%rd4+136], %h4;
    ld.global.nc.s8 %h4, [%rd3+1]; st.global.s8 [%rd4+137], %h4;
    ld.global.nc.u16 %h5, [%rd3+2]; st.global.u16 [%rd4+138], %h5;
    ld.global.nc.s16 %h5, [%rd3+2]; st.global.b16 [%rd4+138], %h5; st.global.b8 [%rd4+137], %h4;
    ld.global.b32 %rd8, [%rd3+28]; st.global.b32 [%rd4+140], %rd8;
    ld.volatile.global.f32 %f8, [%rd3+8]; st.volatile.global.f32 [%rd4+160], %f8;
    ld.volatile.global.u64 %rd9, [%rd3+8]; st.volatile.global.u64 [%rd4+168], %rd9;
    ld.global.f32 %f9, [%rd3+12]; st.global.f32 [%rd4+176], %f9;
    ld.volatile.global.u32 %r12, [%rd3+8]; st.volatile.global.u32 [%rd4+164], %r12;
    ret;
}";

/// Dynamic and static shared memory, local memory, constants, generic addresses.
const SPACES: &str = "
.version 7.0
.target sm_75
.address_size 64
.const .align 4 .b8 table[16] = {10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 40, 0, 0, 0};
.global .align 4 .u32 total = 5;
.extern .shared .align 16 .b8 dynamic[];
.visible .entry spaces(.param .u64 out)
{
    .local .align 16 .b8 stack[16];
    .shared .align 4 .b8 fixed[12];
    .reg .b64 %rd<16>; .reg .b32 %r<20>; .reg .f32 %f<12>; .reg .pred %p<3>; .reg .b16 %h<3>; .reg .f64 %d<3>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    setp.ne.s32 %p1, %r1, 0;
    mov.u32 %r2, dynamic;
    st.shared.u32 [%r2], 1; st.shared.f32 [dynamic+4], 0f40000000; st.shared.v2.u32 [%r2+8], {%r2, 4};
    mov.u64 %rd2, dynamic; st.shared.v4.f32 [%rd2+16], {0f00000000, 0f3F800000, 0f40000000, 0f40400000};
    ld.shared.v4.f32 {%f1, %f2, %f3, %f4}, [dynamic+16]; ld.shared.v2.f32 {%f5, %f6}, [dynamic+24];
    st.shared.v2.f32 [dynamic+16], {%f6, %f5}; ld.shared.f32 %f7, [%r2+16]; st.global.f32 [%rd1], %f7;
    ld.shared.u32 %r3, [%r2+8]; st.global.u32 [%rd1+4], %r3;
    st.shared.u8 [fixed], 7; st.shared.u16 [fixed+2], 300; ld.shared.u8 %h1, [fixed]; ld.shared.u16 %h2, [fixed+2];
    mul.wide.u16 %r4, %h1, %h2; st.global.u32 [%rd1+8], %r4;
    st.shared.u64 [dynamic+32], %rd2; ld.shared.u64 %rd3, [dynamic+32]; st.shared.f64 [dynamic+40], 0d3FF0000000000000;
    ld.shared.f64 %d1, [dynamic+40]; ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [dynamic+32]; ld.shared.v2.u32 {%r5, %r6}, [dynamic+32];
    st.shared.v4.u32 [dynamic+48], {%r5, %r6, %r7, %r8}; ld.shared.b32 %r9, [dynamic+60]; st.global.u32 [%rd1+12], %r9;
    st.shared.b32 [dynamic+60], %r9; ld.shared.s32 %r9, [dynamic+60]; ld.shared.b64 %rd3, [dynamic+32]; st.shared.b64 [dynamic+32], %rd3;
    st.local.u32 [stack+4], 9; ld.local.u32 %r10, [stack+4]; st.global.u32 [%rd1+16], %r10;
    st.local.f32 [stack+8], 0f40000000; ld.local.f32 %f8, [stack+8]; st.local.u64 [stack+8], %rd2; ld.local.u64 %rd4, [stack+8];
    st.local.v2.u32 [stack], {1, 2}; ld.local.v2.u32 {%r11, %r12}, [stack]; st.local.v4.u32 [stack], {1, 2, 3, 4};
    ld.const.u32 %r13, [table+8]; st.global.u32 [%rd1+20], %r13; ld.const.f32 %f9, [table]; ld.const.u64 %rd5, [table];
    mov.u64 %rd6, table; ld.const.u8 %h1, [%rd6+4]; ld.const.s32 %r14, [table+12]; ld.const.b32 %r14, [table+12];
    ld.const.v2.u32 {%r14, %r15}, [table];
    ld.global.u32 %r15, [total]; st.global.u32 [%rd1+24], %r15;
    mov.u64 %rd7, fixed; cvta.shared.u64 %rd8, %rd7; ld.u8 %h1, [%rd8]; cvt.u32.u16 %r16, %h1; st.u32 [%rd1+28], %r16;
    mov.u64 %rd9, stack; cvta.local.u64 %rd10, %rd9; ld.u32 %r17, [%rd10+12]; st.global.u32 [%rd1+32], %r17;
    cvta.to.shared.u64 %rd11, %rd8; cvta.to.local.u64 %rd12, %rd10; cvta.global.u64 %rd13, %rd1; cvta.u64 %rd13, %rd1;
    cvta.to.const.u64 %rd14, %rd6; ld.f32 %f10, [%rd13]; st.f32 [%rd13+36], %f10; ld.u64 %rd15, [%rd13];
    ret;
}";

/// Every atomic operation, by 32 lanes on the same words.
const ATOMICS: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry atomics(.param .u64 out)
{
    .shared .align 8 .b8 fixed[16];
    .reg .b64 %rd<8>; .reg .b32 %r<8>; .reg .f32 %f<3>; .reg .f64 %d<3>; .reg .pred %p<2>;
    ld.param.u64 %rd1, [out];
    mov.u32 %r1, %tid.x;
    cvt.u64.u32 %rd2, %r1;
    cvt.rn.f32.u32 %f1, %r1;
    cvt.rn.f64.u32 %d1, %r1;
    atom.global.add.u32 %r2, [%rd1], 1;
    mul.wide.u32 %rd3, %r1, 4; add.s64 %rd3, %rd1, %rd3; st.global.u32 [%rd3+128], %r2;
    red.global.add.u32 [%rd1+4], %r1; red.global.add.s32 [%rd1+4], %r1; atom.global.add.s32 %r3, [%rd1+4], %r1;
    red.global.add.f32 [%rd1+8], %f1; atom.global.add.f32 %f2, [%rd1+8], %f1;
    atom.global.min.s32 %r3, [%rd1+12], -5; atom.global.min.u32 %r3, [%rd1+16], %r1; red.global.min.u32 [%rd1+16], %r1;
    atom.global.max.s32 %r3, [%rd1+20], %r1; atom.global.max.u32 %r3, [%rd1+24], %r1; red.global.max.u32 [%rd1+24], %r1;
    red.global.max.s32 [%rd1+20], %r1; red.global.min.s32 [%rd1+12], 3;
    atom.global.exch.b32 %r3, [%rd1+28], %r1; atom.global.cas.b32 %r3, [%rd1+32], %r1, 77;
    atom.global.and.b32 %r3, [%rd1+36], 12; atom.global.or.b32 %r3, [%rd1+40], %r1; atom.global.xor.b32 %r3, [%rd1+44], %r1;
    red.global.and.b32 [%rd1+36], 12; red.global.or.b32 [%rd1+40], %r1; red.global.xor.b32 [%rd1+44], 1;
    atom.global.inc.u32 %r3, [%rd1+48], 9; atom.global.dec.u32 %r3, [%rd1+52], 9;
    red.global.add.u64 [%rd1+56], %rd2; atom.global.add.u64 %rd4, [%rd1+56], %rd2;
    red.global.max.u64 [%rd1+64], %rd2; atom.global.max.u64 %rd4, [%rd1+64], %rd2; atom.global.max.s64 %rd4, [%rd1+64], %rd2;
    atom.global.min.u64 %rd4, [%rd1+72], %rd2; red.global.min.u64 [%rd1+72], %rd2; atom.global.min.s64 %rd4, [%rd1+72], %rd2;
    atom.global.cas.b64 %rd4, [%rd1+80], 0, 5; atom.global.exch.b64 %rd4, [%rd1+88], %rd2;
    red.global.add.f64 [%rd1+96], %d1; atom.global.add.f64 %d2, [%rd1+96], %d1;
    setp.eq.u32 %p1, %r1, 0;
    @%p1 st.shared.u32 [fixed], 0; @%p1 st.shared.f32 [fixed+4], 0f00000000; @%p1 st.shared.u64 [fixed+8], 0;
    bar.sync 0;
    atom.shared.add.u32 %r4, [fixed], 2; red.shared.add.u32 [fixed], 1; atom.shared.add.f32 %f2, [fixed+4], %f1;
    red.shared.add.f32 [fixed+4], %f1; atom.shared.add.s32 %r4, [fixed], 0; atom.shared.max.u32 %r4, [fixed], 3;
    atom.shared.min.u32 %r4, [fixed], 1000; atom.shared.cas.b32 %r4, [fixed], 96, 97; atom.shared.exch.b32 %r4, [fixed], 97;
    atom.shared.or.b32 %r4, [fixed], 0; atom.shared.add.u64 %rd5, [fixed+8], %rd2; red.shared.add.u64 [fixed+8], %rd2;
    atom.shared.max.s32 %r4, [fixed], -4; red.shared.max.u32 [fixed], 0; red.shared.max.s32 [fixed], 0; red.shared.or.b32 [fixed], 0;
    atom.add.u32 %r5, [%rd1+104], 1; atom.max.u32 %r5, [%rd1+104], 1;
    bar.sync 0;
    ld.shared.u32 %r6, [fixed]; ld.shared.f32 %f2, [fixed+4]; ld.shared.u64 %rd6, [fixed+8];
    st.global.u32 [%rd1+108], %r6; st.global.f32 [%rd1+112], %f2; st.global.u64 [%rd1+120], %rd6;
    ret;
}";

/// Parameters of every type, one of them at an address that is computed.
const PARAMETERS: &str = "
.version 7.0
.target sm_75
.address_size 64
.visible .entry parameters(.param .u64 out, .param .u32 a, .param .f32 b, .param .f64 c, .param .align 4 .b8 d[16])
{
    .reg .b64 %rd<4>; .reg .b32 %r<8>; .reg .f32 %f<2>; .reg .f64 %d<2>; .reg .b16 %h<2>;
    ld.param.u64 %rd1, [out]; ld.param.u32 %r1, [a]; ld.param.f32 %f1, [b]; ld.param.f64 %d1, [c];
    st.global.u32 [%rd1], %r1; st.global.f32 [%rd1+4], %f1; st.global.f64 [%rd1+8], %d1;
    mov.b64 %rd2, d; add.s64 %rd2, %rd2, 4; ld.param.b32 %r2, [%rd2]; ld.param.s32 %r2, [%rd2];
    ld.param.v2.u32 {%r3, %r4}, [d+8]; ld.param.u8 %h1, [d]; cvt.u32.u16 %r5, %h1;
    ld.param.v2.f32 {%f1, _}, [d+8]; ld.param.v4.u32 {%r3, _, _, %r4}, [d]; ld.param.s8 %h1, [d]; ld.param.u16 %h1, [d];
    st.global.v4.u32 [%rd1+16], {%r2, %r3, %r4, %r5};
    ret;
}";

pub const KERNELS: &[&str] = &[WIDTHS, SPACES, ATOMICS, PARAMETERS];

#[test]
fn parameters_are_read_where_a_c_structure_has_them() {
    let mut bench = Bench::new();
    let to = bench.upload(&[0; 8]);
    let words = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let arguments = [to, words(7, 1.5f32.to_bits()), 2.5f64.to_bits(), words(0x1FF, 11), words(12, 13)];
    bench.run(PARAMETERS, 1, 1, 0, &arguments).unwrap();
    let found = bench.download(to, 8);
    assert_eq!(found[..4], [7, 1.5f32.to_bits(), 0, 0x4004_0000]);
    assert_eq!(found[4..], [11, 0x1FF, 13, 0xFF]);
}

#[test]
fn memory_is_read_and_written_in_every_width() {
    let mut bench = Bench::new();
    let input = [0xFEDC_8081, 7, 0x11, 0x22, 0x33, 0x44, 0x55, 0x8000_0066];
    let (from, to) = (bench.upload(&input), bench.upload(&[0; 48]));
    bench.run(WIDTHS, 1, 1, 0, &[from, to]).unwrap();
    let found = bench.download(to, 45);
    assert_eq!(found[..4], [0x81, 0xFFFF_FF81, 0x8081, 0xFFFF_8081]);
    assert_eq!(found[4..10], [21, 0x11, 0x22, 0x11, 0x11, 0x22]);
    assert_eq!(found[12..17], [0x8000_0066, 0x55, 0x44, 0x33, 0x55]);
    assert_eq!(found[18..24], [0x22, 0x11, 0x8000_0066, 0x55, 0x44, 0x33]);
    assert_eq!(found[24..28], [0x22, 0x44, 0x11, 0x22]);
    assert_eq!(found[28..32], [0x55, 0x8000_0066, 0x33, 0x44]);
    assert_eq!(found[32..36], [0x11, 0x22, 0xFEDC_8080, 0x8000_0066]);
    assert_eq!(found[36..45], [0x55, 0x8000_0066, 0x33, 0x44, 0x11, 0x11, 0x11, 0x22, 0x22]);
}

#[test]
fn shared_local_constant_and_generic_memory_are_apart() {
    let mut bench = Bench::new();
    let to = bench.upload(&[0; 16]);
    bench.run(SPACES, 1, 1, 64, &[to]).unwrap();
    let found = bench.download(to, 10);
    assert_eq!(found[..4], [3f32.to_bits(), 16, 2100, 0x3FF0_0000], "dynamic memory begins behind the static part");
    assert_eq!(found[4..], [9, 30, 5, 7, 4, 3f32.to_bits()]);
    assert!(bench.counts.local_requests > 0 && bench.counts.constant_requests > 0);
}

#[test]
fn atomic_operations_of_all_lanes_arrive_in_lane_order() {
    let mut bench = Bench::new();
    let mut words = [0; 64];
    (words[3], words[4], words[8], words[9], words[13], words[18], words[19]) = (10, 50, 5, 15, 20, 50, 0);
    let to = bench.upload(&words);
    bench.run(ATOMICS, 1, 32, 0, &[to]).unwrap();
    let found = bench.download(to, 64);
    let sum = 31 * 32 / 2;
    assert_eq!(found[..3], [32, 3 * sum, (2.0 * sum as f32).to_bits()]);
    assert_eq!(found[3..8], [-5i32 as u32, 0, 31, 31, 31]);
    assert_eq!(found[8..12], [77, 12, 31, 0]);
    assert_eq!(found[12], 32 % 10, "inc wraps after 9");
    assert_eq!(found[13], (0..32).fold(20, |old, _| if old == 0 || old > 9 { 9 } else { old - 1 }));
    assert_eq!((found[14], found[16], found[18], found[20], found[22]), (2 * sum, 31, 0, 5, 31));
    assert_eq!(f64::from_bits(u64::from(found[24]) | u64::from(found[25]) << 32), f64::from(2 * sum));
    assert_eq!((found[26], found[27], found[28]), (32, 97, (2.0 * sum as f32).to_bits()));
    assert_eq!(found[30], 2 * sum);
    assert!(found[32..].iter().copied().eq(0..32), "each lane got what the lanes below had left");
    assert_eq!(bench.counts.atomics % 32, 0);
    assert!(bench.counts.atomic_conflicts > 0);
}

/// The message of a kernel of one warp that runs `body` with `%rd1` an array of 8 words.
fn fault(body: &str, block: u32) -> String {
    let text = format!(
        "{HEAD}.visible .entry faulty(.param .u64 p) {{ .shared .align 4 .b8 s[20]; .local .b8 l[4];\n\
         .reg .b64 %rd<4>; .reg .b32 %r<4>; .reg .pred %p<3>;\n\
         ld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd3, %rd1, %rd2;\n{body}\nret; }}"
    );
    let mut bench = Bench::new();
    let array = bench.upload(&[1; 8]);
    bench.run(&text, 1, block, 0, &[array]).unwrap_err()
}

#[test]
fn a_read_past_the_end_names_kernel_line_block_lane_and_place() {
    let message = fault("ld.global.u32 %r2, [%rd3];", 9);
    assert!(
        message.starts_with("kernel faulty, PTX line 7 `ld.global.u32`, block [0, 0, 0]: lane 8 of warp 0: read of 4")
    );
    assert!(message.ends_with("32 bytes past the start of an allocation of 32 bytes"), "{message}");
}

#[test]
fn writes_and_atomic_operations_past_the_end_are_faults() {
    assert!(fault("st.global.u32 [%rd3], %r1;", 9).contains("lane 8 of warp 0: write of 4 bytes"));
    assert!(fault("red.global.add.u32 [%rd3], %r1;", 9).contains("lane 8 of warp 0: atomic operation of 4 bytes"));
    assert!(fault("st.global.u32 [8], %r1;", 1).contains("below every allocation"));
}

#[test]
fn shared_local_and_parameter_memory_have_ends_too() {
    assert!(fault("shl.b32 %r2, %r1, 2; st.shared.u32 [%r2], %r1;", 6).contains("shared address 0x14, of 20 bytes"));
    assert!(fault("ld.shared.u32 %r2, [s+20];", 1).contains("shared address 0x14"));
    assert!(fault("ld.local.u32 %r2, [l+4];", 1).contains("local address 0x4, of 4 bytes"));
    assert!(fault("ld.param.u64 %rd1, [p+8];", 1).contains("no parameter at 0x8"));
}

#[test]
fn misaligned_addresses_are_faults() {
    assert!(fault("ld.global.u32 %r2, [%rd1+2];", 1).contains("misaligned for 4 bytes"));
    assert!(fault("ld.global.v2.u32 {%r2, %r3}, [%rd1+4];", 1).contains("misaligned for 8 bytes"));
}

#[test]
fn a_missing_barrier_is_a_race_in_every_order() {
    let body = "shl.b32 %r2, %r1, 2; setp.lt.u32 %p1, %r1, 5; @%p1 st.shared.u32 [%r2], %r1;\n\
                setp.eq.u32 %p2, %r1, 40; @%p2 ld.shared.u32 %r3, [s];";
    let message = fault(body, 64);
    assert!(
        message.contains("race: thread 40 reads shared address 0x0, which thread 0 wrote at PTX line 7"),
        "{message}"
    );
    let text = format!("{body} @%p2 bra END; bar.sync 0; END: ");
    assert!(fault(&text, 64).contains("race"), "an order in which the writer comes last hides nothing");
}

#[test]
fn two_writers_of_one_word_are_a_race() {
    assert!(fault("st.shared.u32 [s], %r1;", 2).contains("thread 1 writes shared address 0x0, which thread 0 wrote"));
}
