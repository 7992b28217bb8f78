//! What the functions promise, measured: distance from the true value in units of its last place (ulp), special cases,
//! and the bits themselves.
#![expect(clippy::disallowed_methods, reason = "the platform's f64 functions are the independent source")]
#![expect(clippy::approx_constant, reason = "the points of a table are numbers, whatever constant lies near")]

use super::*;

type Function = fn(f32) -> f32;
type Function64 = fn(f64) -> f64;

/// Name, function, the platform's f64 function, largest admitted error in ulp of f32.
const SINGLE: [(&str, Function, Function64, f64); 8] = [
    ("exp", exp, f64::exp, 0.8),
    ("ln", ln, f64::ln, 0.9),
    ("log1p", log1p, f64::ln_1p, 0.9),
    ("sin", sin, f64::sin, 1.6),
    ("cos", cos, f64::cos, 1.6),
    ("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 1.6),
    ("softplus", softplus, |x| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }, 1.6),
    ("tanh", tanh, f64::tanh, 1.6),
];

/// Functions of one f64, with the largest admitted distance from the platform's, itself good to about 1 ulp.
const DOUBLE: [(&str, Function64, Function64, f64); 6] = [
    ("exp64", exp64, f64::exp, 1.0),
    ("ln64", ln64, f64::ln, 1.0),
    ("log1p64", log1p64, f64::ln_1p, 2.0),
    ("sin64", sin64, f64::sin, 1.0),
    ("cos64", cos64, f64::cos, 1.0),
    ("tanh64", tanh64, f64::tanh, 3.0),
];

/// `every`-th mantissa of every exponent and sign, subnormal numbers, infinities and NaN included.
fn every_exponent(mantissas: u32) -> impl Iterator<Item = f32> {
    let step = (1 << 23) / mantissas;
    (0..512).flat_map(move |head: u32| {
        (0..mantissas).map(move |index| f32::from_bits(head << 23 | (index * step + (index * 40_503) % step)))
    })
}

/// The same for f64, and in addition small numbers densely.
fn every_exponent64() -> impl Iterator<Item = f64> {
    let all = (0..4096).flat_map(|head: u64| {
        (0..16).map(move |index: u64| f64::from_bits(head << 52 | (index << 48) | (index * 0x9E37_79B9_7F4A)))
    });
    all.chain((0..60_000).map(|index| (f64::from(index) - 30_000.0) * 1.234_567e-3))
}

/// |got − want| in ulp of f32 at `want`.
fn error_in_ulp(got: f32, want: f64) -> f64 {
    let rounded = want as f32;
    if want.is_nan() || got.is_nan() || rounded.is_infinite() || got.is_infinite() {
        let beyond = want.abs() > f64::from(f32::MAX) && got.is_infinite() && (got > 0.0) == (want > 0.0);
        return if beyond || want.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let exponent = (want.abs().to_bits() >> 52) as i32 - 1023;
    let last_place = if exponent < -126 { -149 } else { exponent - 23 };
    (f64::from(got) - want).abs() / 2f64.powi(last_place)
}

/// Number of f64 between the two.
fn distance(got: f64, want: f64) -> f64 {
    let order = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    if got.is_nan() && want.is_nan() { 0.0 } else { (i128::from(order(got)) - i128::from(order(want))).abs() as f64 }
}

fn worst(name: &str, inputs: impl Iterator<Item = f32>, function: Function, truth: Function64) -> f64 {
    let mut worst = (0.0, 0.0f32);
    for x in inputs {
        let error = error_in_ulp(function(x), truth(x.into()));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    println!("{name}: {:.4} ulp at {:e} ({:#010x})", worst.0, worst.1, worst.1.to_bits());
    worst.0
}

/// f32 functions stay within the errors of the table in `math`.
#[test]
fn single_precision_error() {
    for (name, function, truth, admitted) in SINGLE {
        assert!(worst(name, every_exponent(512), function, truth) <= admitted, "{name}");
        let dense = (0..200_000).map(|index| (index as f32 - 100_000.0) * 1.037e-3);
        assert!(worst(name, dense, function, truth) <= admitted, "{name}");
    }
}

/// All f32 there are: the source of the table in `math` (minutes in release; `cargo test -r -- --ignored every_f32`).
#[test]
#[ignore = "takes minutes"]
fn every_f32() {
    for (name, function, truth, admitted) in SINGLE {
        assert!(worst(name, (0..=u32::MAX).map(f32::from_bits), function, truth) <= admitted, "{name}");
    }
}

/// The short way to a cosine has the bits of the long one: every 997th angle, the neighbours of multiples of π/4, and both
/// signs.
#[test]
fn a_near_cosine_is_the_cosine() {
    let quarters = (0..=2048u32).map(|count| (f64::from(count) * std::f64::consts::FRAC_PI_4) as f32);
    let around = quarters.flat_map(|angle| [angle.next_down(), angle, angle.next_up()]);
    let spread = (0..=NEAR_ANGLE.to_bits()).step_by(997).map(f32::from_bits);
    for angle in spread.chain(around.filter(|angle| angle.abs() <= NEAR_ANGLE)) {
        assert_eq!(cos_near(angle).to_bits(), cos(angle).to_bits(), "{angle}");
        assert_eq!(cos_near(-angle).to_bits(), cos(angle).to_bits(), "-{angle}");
    }
}

/// All angles there are up to [`NEAR_ANGLE`].
#[test]
#[ignore = "takes half a minute"]
fn every_f32_near_cosine() {
    for angle in (0..=NEAR_ANGLE.to_bits()).map(f32::from_bits) {
        assert_eq!(cos_near(angle).to_bits(), cos(angle).to_bits(), "{angle}");
    }
}

/// f32 power against the platform's f64 power, over bases of every size and exponents that reach both ends.
#[test]
fn single_precision_power() {
    for x in every_exponent(16) {
        for y in [-37.5f32, -3.0, -0.5, 1e-3, 0.6, 1.0, 2.0, 2.4, 11.0] {
            let error = error_in_ulp(pow(x, y), f64::from(x).powf(f64::from(y)));
            assert!(error <= 0.51, "pow({x:e}, {y}): {error} ulp");
        }
    }
}

/// f64 functions against the platform's.
#[test]
fn double_precision_against_platform() {
    for (name, function, truth, admitted) in DOUBLE {
        for x in every_exponent64() {
            let (got, want) = (function(x), truth(x));
            assert!(distance(got, want) <= admitted, "{name}({x:e}) = {got:e}, platform {want:e}");
        }
    }
}

/// f64 functions at awkward points against values computed with 2400 bits (mpmath).
#[test]
fn double_precision_against_long_arithmetic() {
    type Points = [(f64, f64); 8];
    let table: [(&str, Function64, f64, Points); 10] = [
        (
            "exp64",
            exp64,
            1.0,
            [
                (1e-09, 1.000000001),
                (-0.34657359, 0.7071067813845181),
                (0.3465736, 1.4142135761192896),
                (1.0, 2.718281828459045),
                (-37.5, 5.175555005801869e-17),
                (709.78, 1.7928227943945155e308),
                (-708.5, 2.006132305331306e-308),
                (-740.25, 3.26e-322),
            ],
        ),
        (
            "ln64",
            ln64,
            1.0,
            [
                (5e-324, -744.4400719213812),
                (1e-310, -713.8013788281542),
                (0.7071067811865475, -0.34657359027997275),
                (0.9999999999999999, -1.1102230246251565e-16),
                (1.0000000000000002, 2.2204460492503128e-16),
                (1.4142135623730951, 0.3465735902799727),
                (3.0, 1.0986122886681098),
                (1.7976931348623157e308, 709.782712893384),
            ],
        ),
        (
            "log1p64",
            log1p64,
            1.0,
            [
                (-0.9999999999999999, -36.7368005696771),
                (-0.5, -0.6931471805599453),
                (-0.2929, -0.3465831803719419),
                (-1e-10, -1.00000000005e-10),
                (3e-20, 3e-20),
                (0.41421, 0.3465710712986274),
                (1.0, 0.6931471805599453),
                (1e17, 39.14394658089878),
            ],
        ),
        (
            "sin64",
            sin64,
            1.0,
            [
                (1e-08, 1e-08),
                (0.7853981633974484, 0.7071067811865476),
                (1.0, 0.8414709848078965),
                (3.141592653589793, 1.2246467991473532e-16),
                (100.0, -0.5063656411097588),
                (5.319372648326541e255, 1.0),
                (1e22, -0.8522008497671888),
                (1.7976931348623157e308, 0.004961954789184062),
            ],
        ),
        (
            "cos64",
            cos64,
            1.0,
            [
                (1e-08, 1.0),
                (0.7853981633974484, 0.7071067811865475),
                (1.5707963267948966, 6.123233995736766e-17),
                (4.0, -0.6536436208636119),
                (100.0, 0.8623188722876839),
                (5.319372648326541e255, -4.687165924254628e-19),
                (1e22, 0.523214785395139),
                (1.7976931348623157e308, -0.9999876894265599),
            ],
        ),
        (
            "sigmoid64",
            sigmoid64,
            2.0,
            [
                (-740.0, 4.2e-322),
                (-36.0, 2.3195228302435686e-16),
                (-2.5, 0.07585818002124355),
                (-1e-09, 0.49999999975),
                (0.5, 0.6224593312018546),
                (3.0, 0.9525741268224333),
                (30.0, 0.9999999999999064),
                (36.5, 0.9999999999999999),
            ],
        ),
        (
            "softplus64",
            softplus64,
            2.0,
            [
                (-740.0, 4.2e-322),
                (-36.0, 2.319522830243569e-16),
                (-2.5, 0.07888973429254963),
                (-1e-09, 0.6931471800599454),
                (0.5, 0.9740769841801067),
                (3.0, 3.048587351573742),
                (30.0, 30.000000000000092),
                (800.0, 800.0),
            ],
        ),
        (
            "tanh64",
            tanh64,
            2.0,
            [
                (1e-10, 1e-10),
                (0.1, 0.09966799462495582),
                (-0.5499, -0.5004452594871819),
                (0.5501, 0.5005951553906958),
                (1.0, 0.7615941559557649),
                (-3.0, -0.9950547536867305),
                (18.5, 0.9999999999999998),
                (25.0, 1.0),
            ],
        ),
        (
            "normal_quantile64",
            normal_quantile64,
            5.0,
            [
                (5e-324, -38.467405617144344),
                (1e-200, -30.20559417957964),
                (1e-20, -9.262340089798407),
                (0.001, -3.0902323061678136),
                (0.075, -1.439531470938456),
                (0.3, -0.5244005127080408),
                (0.975, 1.9599639845400538),
                (0.9999999999999999, 8.209536151601387),
            ],
        ),
        (
            "lambert_w_exp64",
            lambert_w_exp64,
            2.0,
            [
                (-700.0, 9.85967654375977e-305),
                (-30.0, 9.357622968839299e-14),
                (-1.0, 0.2784645427610738),
                (0.0, 0.5671432904097838),
                (1.0, 1.0),
                (2.0, 1.5571455989976115),
                (50.0, 46.16771916549209),
                (10000000000.0, 9999999976.97415),
            ],
        ),
    ];
    for (name, function, admitted, points) in table {
        for (x, want) in points {
            let got = function(x);
            assert!(distance(got, want) <= admitted, "{name}({x:e}) = {got:e}, true value {want:e}");
        }
    }
    let powers = [
        (1.0000000000000002, 3e18, 1.98719262165461e289),
        (0.9999999999999999, -6e18, 1.987192621654831e289),
        (1.4142135623730951, 2047.5, 1.5116737128321453e308),
        (0.5, -1023.5, 1.2711610061536464e308),
        (10.0, 308.25, 1.7782794100389228e308),
        (3.7e-310, 0.5, 1.9235384061671356e-155),
        (1.1, 7000.0, 5.607846372419733e289),
        (0.70710678, 2100.0, 8.289017e-317),
    ];
    for (x, y, want) in powers {
        let got = pow64(x, y);
        assert!(distance(got, want) <= 1.0, "pow64({x:e}, {y:e}) = {got:e}, true value {want:e}");
    }
}

/// Both at once are the bits of each alone, on either side of the angle where the shorter way ends.
#[test]
fn sine_and_cosine_together_are_both() {
    let edge = std::f64::consts::FRAC_PI_4;
    let angles =
        (-4000..4000).map(|i| f64::from(i) * 0.001).chain([0.0, -0.0, 1e-9, 1e-300, edge, edge.next_up(), 1e22]);
    for angle in angles {
        let (sine, cosine) = sin_cos64(angle);
        assert_eq!((sine.to_bits(), cosine.to_bits()), (sin64(angle).to_bits(), cos64(angle).to_bits()), "{angle}");
    }
    assert!(sin_cos64(f64::INFINITY).0.is_nan());
}

/// Against statrs, over both tails, within statrs' own error (1.2e-11 at −1.06, by erfc of the C library); Φ(1.96) is in
/// every table.
#[test]
fn the_normal_distribution_function_is_that_of_statrs() {
    use statrs::distribution::{ContinuousCDF, Normal};
    let law = Normal::new(0.0, 1.0).unwrap();
    for i in -1000..=1000 {
        let x = 0.01 * f64::from(i);
        assert!((normal_cdf64(x) - law.cdf(x)).abs() < 1e-10, "{x}: {} {}", normal_cdf64(x), law.cdf(x));
    }
    assert!((normal_cdf64(1.96) - 0.975_002_104_851_780).abs() < 1e-14);
    assert!(normal_cdf64(f64::NAN).is_nan());
    assert_eq!((normal_cdf64(f64::INFINITY), normal_cdf64(f64::NEG_INFINITY)), (1.0, 0.0));
}

/// Zeros keep their sign, infinities and NaN go where mathematics sends them.
#[test]
fn special_cases() {
    for odd in [sin, tanh, log1p] {
        assert_eq!(odd(-0.0).to_bits(), (-0.0f32).to_bits());
    }
    for odd in [sin64, tanh64, log1p64] {
        assert_eq!(odd(-0.0).to_bits(), (-0.0f64).to_bits());
    }
    let infinity = f64::INFINITY;
    assert_eq!((exp64(infinity), exp64(-infinity)), (infinity, 0.0));
    assert_eq!((ln64(0.0), ln64(-0.0), ln64(infinity)), (-infinity, -infinity, infinity));
    assert_eq!((log1p64(-1.0), log1p64(infinity)), (-infinity, infinity));
    assert_eq!((sigmoid64(infinity), sigmoid64(-infinity)), (1.0, 0.0));
    assert_eq!((softplus64(infinity), softplus64(-infinity)), (infinity, 0.0));
    assert_eq!((tanh64(infinity), tanh64(-infinity)), (1.0, -1.0));
    assert_eq!((normal_quantile64(0.0), normal_quantile64(0.5), normal_quantile64(1.0)), (-infinity, 0.0, infinity));
    assert_eq!((lambert_w_exp64(-infinity), lambert_w_exp64(1e308)), (0.0, 1e308));
    for (function, x) in [
        (ln64 as Function64, -1.0),
        (log1p64, -1.5),
        (sin64, infinity),
        (cos64, -infinity),
        (normal_quantile64, -0.1),
        (normal_quantile64, 1.1),
    ] {
        assert!(function(x).is_nan());
        assert!(function(f64::NAN).is_nan());
    }
    for function in [exp64, sigmoid64, softplus64, tanh64, lambert_w_exp64] {
        assert!(function(f64::NAN).is_nan());
    }
    assert_eq!(powi64(1.5, 5), 7.59375);
    assert_eq!((powi64(0.0, 0), powi64(-2.0, 3)), (1.0, -8.0));
}

/// `pow64` has the special cases of the platform's `pow`.
#[test]
fn special_powers() {
    let values = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 1e300, 9_007_199_254_740_991.0, 5e-324, f64::INFINITY, f64::NAN];
    let signed: Vec<f64> = values.iter().flat_map(|&value| [value, -value]).collect();
    for &x in &signed {
        for &y in &signed {
            let (got, want) = (pow64(x, y), x.powf(y));
            assert!(distance(got, want) <= 1.0, "pow64({x:e}, {y:e}) = {got:e}, platform {want:e}");
        }
    }
}

/// The bits of every function over a sweep, so that optimisation levels and machines can be compared: a change here is a
/// change of every golden trace.
#[test]
fn bits_are_the_committed_ones() {
    let single = SINGLE.map(|(name, function, ..)| (name, function));
    let more = [("normal_quantile", normal_quantile as Function), ("lambert_w_exp", lambert_w_exp)];
    let double = DOUBLE.map(|(name, function, ..)| (name, function));
    let more_double = [
        ("sigmoid64", sigmoid64 as Function64),
        ("softplus64", softplus64),
        ("normal_quantile64", normal_quantile64),
        ("lambert_w_exp64", lambert_w_exp64),
    ];
    let mut found = Vec::new();
    for (name, function) in single.into_iter().chain(more) {
        found.push((name, hash(every_exponent(64).map(function).map(f64::from))));
    }
    for (name, function) in double.into_iter().chain(more_double) {
        found.push((name, hash(every_exponent64().map(function))));
    }
    let exponents = [-2.5, 0.6, 3.0, 7.25];
    found.push(("pow", hash(exponents.iter().flat_map(|&y| every_exponent(8).map(move |x| pow(x, y).into())))));
    let exponents = exponents.map(f64::from);
    found.push(("pow64", hash(exponents.iter().flat_map(|&y| every_exponent64().map(move |x| pow64(x, y))))));
    assert_eq!(found, COMMITTED);
}

/// FNV-1a over the bits, with one NaN for all, because the sign and payload of a NaN are nobody's promise.
fn hash(values: impl Iterator<Item = f64>) -> u64 {
    values.fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        let bits = if value.is_nan() { u64::MAX } else { value.to_bits() };
        bits.to_le_bytes().iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    })
}

const COMMITTED: [(&str, u64); 22] = [
    ("exp", 0x818a_fc20_3e83_8ede),
    ("ln", 0x77e1_c794_97d4_49c8),
    ("log1p", 0xea49_76ed_586e_78a5),
    ("sin", 0x8ea3_8e7a_1dd5_6235),
    ("cos", 0xef68_2455_1049_b519),
    ("sigmoid", 0x2876_204c_6e77_962b),
    ("softplus", 0x9b6a_f5aa_00de_9d7c),
    ("tanh", 0x61a7_e267_a491_4779),
    ("normal_quantile", 0x8f53_c55c_70d8_56cb),
    ("lambert_w_exp", 0x2b78_59e9_cdd9_759c),
    ("exp64", 0x011e_711e_6903_a3dc),
    ("ln64", 0xb912_124e_a441_c167),
    ("log1p64", 0xbb4f_7bfe_d742_c12c),
    ("sin64", 0x0e30_6f40_cabe_f4f3),
    ("cos64", 0x0aff_f5a6_4b6b_8cbc),
    ("tanh64", 0x4652_0f53_490b_0720),
    ("sigmoid64", 0xcc48_50d8_2204_44ad),
    ("softplus64", 0x7aef_56af_4fc8_50d3),
    ("normal_quantile64", 0xe13c_0b6d_c3eb_69fa),
    ("lambert_w_exp64", 0xc888_ae57_2d72_82a7),
    ("pow", 0x55fa_337f_2acb_1e95),
    ("pow64", 0x50bd_0a63_17d2_6a01),
];
