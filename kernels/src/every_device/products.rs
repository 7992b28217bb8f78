//! Matrix products: dense layers there and back, of every column or of chosen ones, and those of cuBLAS.
use super::*;

fn there_and_back<D: Backend>(d: &D, layer: &Dense, rows: usize, seed: u64) -> [Vec<u32>; 4] {
    let mut stream = stream(seed);
    let len = layer.bias + layer.outputs;
    let theta = d.upload(&numbers(&mut stream, len)).unwrap();
    let x = d.upload(&numbers(&mut stream, rows * layer.inputs)).unwrap();
    let mut dy = d.upload(&numbers(&mut stream, rows * layer.outputs)).unwrap();
    let mut y = d.upload(&vec![f32::NAN; rows * layer.outputs]).unwrap();
    let mut dx = d.upload(&vec![f32::NAN; rows * layer.inputs]).unwrap();
    let mut gradient = d.upload(&vec![7.0; len]).unwrap();
    d.linear(layer, rows, &theta, &x, &mut y).unwrap();
    d.linear_back(layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient).unwrap();
    [
        host_bits(d, &y, rows * layer.outputs),
        host_bits(d, &dy, rows * layer.outputs),
        host_bits(d, &dx, rows * layer.inputs),
        host_bits(d, &gradient, len),
    ]
}

/// Full and partial tiles of every product, small and large, of numbers that travel in fours and alone, with and without a
/// ReLU; what lies beside a layer stays.
#[test]
fn linear() {
    let small = [(1, 1, 1), (2, 33, 5), (31, 16, 31), (64, 10, 64), (65, 100, 33), (5, 129, 70), (40, 260, 300)];
    let in_fours = [(4, 4, 4), (20, 36, 12), (36, 20, 44), (64, 100, 64), (33, 48, 68)];
    let large = [(68, 20, 1012), (20, 68, 1012), (68, 1012, 20)];
    for (at, (rows, inputs, outputs)) in [&small[..], &in_fours, &large].concat().into_iter().enumerate() {
        // Where a layer begins decides whether numbers travel in fours.
        for weight in [3, 4] {
            let layer = Dense { inputs, outputs, weight, bias: weight + inputs * outputs, relu: at % 2 == 0 };
            on_every_device!(d => there_and_back(d, &layer, rows, at as u64));
        }
    }
}

/// What a product may differ by in another order of its sums, or with rounded factors, given the sum of the absolute values
/// of its terms: two sums of n terms in any order are at most 2 (n + 1) units of 2⁻²⁴ of that sum apart (Higham 2002,
/// section 4.2), a factor that a tensor core rounds or cuts to 11 bits is at most 2⁻¹⁰ of itself away.
fn allowed(math: Math, terms: usize, sizes: f64) -> f64 {
    let rounded = if math == Math::Tf32 { 2.0 / 1024.0 + 1.0 / 1024.0 / 1024.0 } else { 0.0 };
    let order = 2.0 * (terms + 1) as f64 / f64::from(1 << 24);
    (order + rounded * (1.0 + order)) * sizes
}

/// x · W + b, there and back, by cuBLAS against the plain loops, element by element within what its order may change. The
/// way back starts from the same y on both sides, because a ReLU's edge is not a matter of rounding.
#[test]
fn products_by_cublas_are_as_near_as_any_order_can_be() {
    for math in [Math::Fast, Math::Tf32] {
        cuda();
        let device = Cuda::with(CudaConfig { math, ..CudaConfig::default() }).expect("cuBLAS is loaded");
        let mut moved = 0;
        for (seed, (rows, inputs, outputs)) in
            [(1, 1, 1), (2, 33, 5), (64, 100, 64), (65, 40, 33), (5, 129, 70)].into_iter().enumerate()
        {
            let layer = Dense { inputs, outputs, weight: 3, bias: 3 + inputs * outputs, relu: seed % 2 == 0 };
            let mut stream = stream(seed as u64);
            let theta = numbers(&mut stream, layer.bias + outputs);
            let (x, dy) = (numbers(&mut stream, rows * inputs), numbers(&mut stream, rows * outputs));
            let y = computed(&plain(), &layer, rows, &theta, &x);
            let [masked, dx, gradient] = back(&plain(), &layer, rows, &theta, &x, &y, &dy);
            let fast_y = computed(&device, &layer, rows, &theta, &x);
            let [fast_masked, fast_dx, fast_gradient] = back(&device, &layer, rows, &theta, &x, &y, &dy);
            assert_eq!(bits(&masked), bits(&fast_masked), "the ReLU and the sums of the bias are our own");
            assert_eq!(bits(&gradient[layer.biases()]), bits(&fast_gradient[layer.biases()]));
            let weight = |k: usize, n: usize| f64::from(theta[layer.weight + k * outputs + n]);
            let absolute = |terms: &mut dyn Iterator<Item = f64>| terms.map(f64::abs).sum::<f64>();
            let mut near = |what: &str, at: usize, exact: f32, fast: f32, terms: usize, sizes: f64| {
                let apart = f64::from(exact - fast).abs();
                moved += usize::from(apart > 0.0);
                assert!(
                    apart <= allowed(math, terms, sizes),
                    "{math:?} {what} {at} of {rows}x{inputs}x{outputs}: {apart}"
                );
            };
            for at in 0..rows * outputs {
                let (r, n) = (at / outputs, at % outputs);
                let sizes = absolute(&mut (0..inputs).map(|k| f64::from(x[r * inputs + k]) * weight(k, n)));
                near("y", at, y[at], fast_y[at], inputs + 1, sizes + f64::from(theta[layer.bias + n]).abs());
            }
            for at in 0..rows * inputs {
                let (r, k) = (at / inputs, at % inputs);
                let sizes = absolute(&mut (0..outputs).map(|n| f64::from(masked[r * outputs + n]) * weight(k, n)));
                near("dx", at, dx[at], fast_dx[at], outputs, sizes);
            }
            for at in 0..inputs * outputs {
                let (k, n) = (at / outputs, at % outputs);
                let product = |r: usize| f64::from(x[r * inputs + k]) * f64::from(masked[r * outputs + n]);
                let sizes = absolute(&mut (0..rows).map(product));
                near("∂W", at, gradient[layer.weight + at], fast_gradient[layer.weight + at], rows, sizes);
            }
        }
        assert!(moved > 100, "{math:?} is another arithmetic: {moved} numbers differ");
    }
}

fn computed<D: Backend>(d: &D, layer: &Dense, rows: usize, theta: &[f32], x: &[f32]) -> Vec<f32> {
    let [theta, x] = [theta, x].map(|numbers| d.upload(numbers).unwrap());
    let mut y = d.upload(&vec![f32::NAN; rows * layer.outputs]).unwrap();
    d.linear(layer, rows, &theta, &x, &mut y).unwrap();
    host(d, &y, rows * layer.outputs)
}

fn back<D: Backend>(
    d: &D,
    layer: &Dense,
    rows: usize,
    theta: &[f32],
    x: &[f32],
    y: &[f32],
    dy: &[f32],
) -> [Vec<f32>; 3] {
    let mut gradient = d.upload(&vec![7.0; theta.len()]).unwrap();
    let len = theta.len();
    let [theta, x, y, mut dy] = [theta, x, y, dy].map(|numbers| d.upload(numbers).unwrap());
    let mut dx = d.upload(&vec![f32::NAN; rows * layer.inputs]).unwrap();
    d.linear_back(layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient).unwrap();
    [host(d, &dy, rows * layer.outputs), host(d, &dx, rows * layer.inputs), host(d, &gradient, len)]
}

fn chosen<D: Backend>(d: &D, layer: &Dense, rows: usize, scale: f32) -> [Vec<u32>; 3] {
    let mut stream = stream(rows as u64);
    let len = layer.bias + layer.outputs;
    let mut scaled = |count| -> Vec<f32> { numbers(&mut stream, count).iter().map(|number| number * scale).collect() };
    let theta = d.upload(&scaled(len)).unwrap();
    let x = d.upload(&scaled(rows * layer.inputs)).unwrap();
    let dy = d.upload(&scaled(rows)).unwrap();
    let columns: Vec<u32> = (0..rows).map(|_| stream.below(layer.outputs as u32)).collect();
    let columns = d.upload(&columns).unwrap();
    let mut y = d.zeros(rows).unwrap();
    let mut dx = d.upload(&vec![f32::NAN; rows * layer.inputs]).unwrap();
    let mut gradient = d.upload(&vec![7.0; len]).unwrap();
    d.linear_chosen(layer, rows, &theta, &x, &columns, &mut y).unwrap();
    d.linear_chosen_back(layer, rows, &theta, &x, &columns, &dy, Some(&mut dx), &mut gradient).unwrap();
    [host_bits(d, &y, rows), host_bits(d, &dx, rows * layer.inputs), host_bits(d, &gradient, len)]
}

/// The chosen form, also where products underflow to −0.
#[test]
fn linear_chosen() {
    for (rows, inputs, outputs, scale) in
        [(1, 1, 1, 1.0), (7, 20, 5, 1.0), (64, 33, 100, 1.0), (40, 18, 9, 1e-23), (99, 70, 33, 1e-23)]
    {
        let layer = Dense { inputs, outputs, weight: 3, bias: 3 + inputs * outputs, relu: false };
        on_every_device!(d => chosen(d, &layer, rows, scale));
    }
}
