//! Worked numbers, the best of all candidates, the stated bias, bodies against each other.
use super::*;
use crate::testing::{bits, numbers, plain, stream, vectored};

fn batch(action: &[u32]) -> Batch<Cpu> {
    let mut batch = Batch::new(&plain(), action.len(), 1).unwrap();
    batch.action = action.to_vec();
    batch
}

fn shape(items: usize, dims: usize, count: usize) -> TowersShape {
    TowersShape { items, dims, count, seed: 3 }
}

#[test]
fn values_are_inner_products_and_gradients_their_factors() {
    let (shape, batch) = (shape(3, 2, 8), batch(&[2, 0]));
    let items = vec![1.0, 2.0, 0.0, 1.0, -1.0, 0.5];
    let x = vec![3.0, 4.0, 0.25, 1.0, -1.0, 10.0];
    let (mut q, mut dx) = (vec![0.0; 2], vec![f32::NAN; 6]);
    plain().meet(&shape, &batch, &items, &x, &mut q).unwrap();
    assert_eq!(q, [0.25 - 3.0 + 2.0, 10.0 + 1.0 - 2.0]);
    plain().meet_back(&shape, &batch, &items, &vec![2.0, -1.0], &mut dx).unwrap();
    assert_eq!(dx, [-2.0, 1.0, 2.0, -1.0, -2.0, -1.0]);
}

/// With as many candidates as items the maximum is that of all; the valuer values what the chooser chose.
#[test]
fn the_best_candidate_is_the_best_of_all_when_all_are_looked_at() {
    let (mut stream, shape) = (stream(1), shape(40, 5, 40));
    let items = numbers(&mut stream, 200);
    let [chooser, valuer] = [(); 2].map(|()| numbers(&mut stream, 3 * 6));
    let (mut drawn, mut value) = (vec![0.0; 200], vec![0.0; 3]);
    plain().draw_candidates(&shape, &items, &vec![0, 0], &mut drawn).unwrap();
    plain().best_candidate(&shape, 3, &drawn, &chooser, &valuer, &mut value).unwrap();
    for row in 0..3 {
        let q =
            |x: &[f32], item: usize| (0..5).fold(x[row * 6 + 5], |sum, j| sum + x[row * 6 + j] * items[item * 5 + j]);
        let best = (0..40).rev().max_by(|&a, &b| q(&chooser, a).total_cmp(&q(&chooser, b))).unwrap();
        assert_eq!(value[row], q(&valuer, best));
    }
}

/// The mean rank of the best of m drawn of n, with item i worth i: 1 + Σ (k/n)^m = 4.51 for 4 of 20, here within 4
/// standard errors over 20,000 updates; without replacement it were 4.2. Candidates differ from update to update.
#[test]
fn the_bias_is_as_stated() {
    let (items, count) = (20, 4);
    let shape = shape(items, 1, count);
    let vectors: Vec<f32> = (0..items).map(|item| item as f32).collect();
    let (mut drawn, mut value, x) = (vec![0.0; count], vec![0.0], vec![1.0, 0.0]);
    let ranks: Vec<f64> = (0..20_000)
        .map(|update| {
            plain().draw_candidates(&shape, &vectors, &vec![update, 0], &mut drawn).unwrap();
            plain().best_candidate(&shape, 1, &drawn, &x, &x, &mut value).unwrap();
            (items as f32 - value[0]).into()
        })
        .collect();
    let n = ranks.len() as f64;
    let mean = ranks.iter().sum::<f64>() / n;
    let sd = (ranks.iter().map(|rank| (rank - mean) * (rank - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    let power = |k: f64| (k / 20.0) * (k / 20.0) * (k / 20.0) * (k / 20.0);
    let expected = 1.0 + (1..20).map(|k| power(f64::from(k))).sum::<f64>();
    assert!((expected - 4.51).abs() < 0.01 && (mean - expected).abs() < 4.0 * sd / n.sqrt(), "{mean} {expected}");
}

#[test]
fn one_in_so_many_choices_is_any_item() {
    let config = ChooseConfig { actions: 1_000_000, epsilon: Ramp::constant(0.25), spread: 0.0, seed: 3 };
    let (found, mut action) = (vec![7; 4000], vec![0; 4000]);
    plain().choose_found(&config, 4000, &found, &vec![0, 5], &mut action).unwrap();
    let others: Vec<u32> = action.into_iter().filter(|action| *action != 7).collect();
    // Standard error of the share: 0.0068; of the mean item: 289,000 / √1000.
    assert!((others.len() as f64 / 4000.0 - 0.25).abs() < 4.0 * 0.0068, "{}", others.len());
    let mean = others.iter().map(|&item| f64::from(item)).sum::<f64>() / others.len() as f64;
    assert!((mean - 5e5).abs() < 4.0 * 9200.0, "{mean}");
}

#[test]
fn bodies_agree() {
    for (size, items, dims, count) in [(1, 1, 1, 1), (5, 100, 7, 33), (17, 1000, 24, 64)] {
        let run = |cpu: &Cpu| {
            let (mut stream, shape) = (stream(size as u64), shape(items, dims, count));
            let vectors = numbers(&mut stream, items * dims);
            let [chooser, valuer] = [(); 2].map(|()| numbers(&mut stream, size * (dims + 1)));
            let (mut drawn, mut value) = (vec![0.0; dims * count], vec![0.0; size]);
            cpu.draw_candidates(&shape, &vectors, &vec![4, 2], &mut drawn).unwrap();
            cpu.best_candidate(&shape, size, &drawn, &chooser, &valuer, &mut value).unwrap();
            [bits(&drawn), bits(&value)]
        };
        let expected = run(&plain());
        vectored().iter().for_each(|cpu| assert_eq!(run(cpu), expected, "{cpu:?}"));
    }
}
