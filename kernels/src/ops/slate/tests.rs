//! Worked numbers of both choices, the best of all slates, closed items, slopes, bodies against each other.
use super::*;
use crate::testing::{bits, numbers, plain, stream, vectored};
use envs::math::ln;

fn config(candidates: usize, slots: usize) -> SlateConfig {
    SlateConfig { candidates, slots, best: BestSlate::Exact, taken: 0, huber: f32::INFINITY, choice: 1.0 }
}

/// Weights (1, 2, 0.5), nothing 1; values (4, 3, 8), nothing 2.5; reward 1.5, discount 0.95, two places: the best
/// slate is {0, 2} and the target 5.49. Nothing was taken here.
#[test]
fn worked_numbers() {
    let config = config(3, 2);
    let row = vec![4.0, 3.0, 8.0, 2.5, 0.0, ln(2.0), ln(0.5), 0.0];
    let mut slate = [0; 2];
    assert!((Conditional::new(&row).best(BestSlate::Exact, &mut slate) - 4.2).abs() < 1e-6);
    assert_eq!((slate[0] + slate[1], slate[0] * slate[1]), (2, 0));
    let mut batch = Batch::new(&plain(), 1, 3).unwrap();
    (batch.reward, batch.discount, batch.weight) = (vec![1.5], vec![0.95], vec![1.0]);
    (batch.next, batch.action) = (vec![0.0, 0.0, 1.0], vec![config.code(&[0, 1])]);
    let (mut d, mut summary) = (vec![f32::NAN; 8], vec![0.0; 2]);
    plain().slate(&config, &mut batch, &row, &row, None, &mut d, &mut summary).unwrap();
    let close = |got: f32, expected: f32| assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    close(batch.error[0], 5.49 - 2.5);
    [0.0, 0.0, 0.0, 2.5 - 5.49, 0.25, 0.5, 0.0, -0.75].iter().zip(&d).for_each(|(e, g)| close(*g, *e));
    close(summary[0], 0.5 * 2.99 * 2.99 - ln(0.25));
    batch.next = vec![0.0, 1.0, 0.0];
    plain().slate(&config, &mut batch, &row, &row, None, &mut d, &mut summary).unwrap();
    close(d[1], 3.0 - 5.49);
    close(d[3], 0.0);
}

/// Against every slate there is.
#[test]
fn the_best_slate_is_the_best_of_all() {
    let mut stream = stream(8);
    for _ in 0..200 {
        let row: Vec<f32> = numbers(&mut stream, 2 * 8).iter().map(|x| 3.0 * x).collect();
        let conditional = Conditional::new(&row);
        let mut slate = [0; 3];
        let found = conditional.best(BestSlate::Exact, &mut slate);
        let mut most = f32::NEG_INFINITY;
        for code in 0..7u32.pow(3) {
            let slate: Vec<u32> = config(7, 3).items(code).collect();
            if slate[0] < slate[1] && slate[1] < slate[2] && conditional.value(BestSlate::Exact, &slate) > most {
                most = conditional.value(BestSlate::Exact, &slate);
            }
        }
        assert!((found - most).abs() < 1e-5, "{found} {most}");
        assert!(conditional.best(BestSlate::TopK, &mut slate) <= most + 1e-5);
    }
}

/// Log-odds 0 for both items and for looking on, values (4, 3), nothing 2: the first place gains 1/2 · 2, the second 1/4 of
/// 1/2 · 1. Of nothing taken, the first place let the user look on to the second in one of three cases.
#[test]
fn a_cascade_in_numbers() {
    let row = [4.0, 3.0, 2.0, 0.0, 0.0, 0.0];
    let cascade = Cascade::new(&row);
    let mut slate = [0; 2];
    cascade.best(&mut slate);
    assert_eq!((slate, cascade.value(&slate), cascade.value(&[1, 0])), ([0, 1], 3.125, 2.0 + 0.5 + 0.25));
    let learnt = |place| {
        let mut slopes = [f32::NAN; 3];
        let surprise = cascade.surprise(&[0, 1], place, |at, slope| slopes[at] = slope);
        (surprise, slopes)
    };
    let close = |got: f32, expected: f32| assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    // Taken from the first place, from the second, nothing.
    let [first, second, nothing] = [learnt(Some(0)), learnt(Some(1)), learnt(None)];
    [first.0, second.0, nothing.0].iter().zip([0.5, 0.125, 0.375]).for_each(|(got, p)| close(*got, -ln(p)));
    assert_eq!((first.1[0], first.1[1].is_nan(), first.1[2]), (-0.5, true, 0.0));
    assert_eq!(second.1, [0.5, -0.5, -0.5]);
    [0.5, 0.5 / 3.0, 0.5 - 1.0 / 3.0].iter().zip(nothing.1).for_each(|(expected, got)| close(got, *expected));
}

/// Against every list there is, in every order.
#[test]
fn the_best_list_of_a_cascade_is_the_best_of_all() {
    let mut stream = stream(9);
    for round in 0..200 {
        let mut row: Vec<f32> = numbers(&mut stream, 2 * 7).iter().map(|x| 3.0 * x).collect();
        match round % 4 {
            // Equal items.
            0 => (row[2], row[9]) = (row[3], row[10]),
            // A user who always looks on.
            1 => row[13] = 40.0,
            // And an item that nobody takes.
            2 => (row[8], row[13]) = (-200.0, 200.0),
            _ => {}
        }
        let cascade = Cascade::new(&row);
        let mut slate = [0; 3];
        cascade.best(&mut slate);
        let found = cascade.value(&slate);
        let lists = (0..6u32.pow(3)).map(|code| config(6, 3).items(code).collect::<Vec<u32>>());
        let distinct = lists.filter(|list| list[0] != list[1] && list[1] != list[2] && list[0] != list[2]);
        let most = distinct.map(|list| cascade.value(&list)).fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        assert!((found - most).abs() < 1e-5, "{found} {most}");
    }
}

/// Also one that nobody takes stands before one that is closed; where too few are open, the first of the others do.
#[test]
fn a_cascade_is_filled() {
    let closed = f32::NEG_INFINITY;
    let best = |row: &[f32]| {
        let mut slate = [0; 3];
        Cascade::new(row).best(&mut slate);
        slate
    };
    let mut open = best(&[closed, 2.0, 5.0, 3.0, 0.0, 0.0, -200.0, -1.0, 0.0, 200.0]);
    open.sort_unstable();
    assert_eq!(open, [1, 2, 3]);
    assert_eq!(best(&[closed, closed, 5.0, closed, 0.0, 1.0, -200.0, -1.0, 0.0, 0.0]), [2, 0, 1]);
    assert_eq!(best(&[f32::NAN; 10]), [0, 1, 2]);
}

/// Without a choice model the slate is the k largest values, worth the largest; utilities do not matter.
#[test]
fn items_can_be_actions_of_their_own() {
    let row = vec![4.0, 3.0, 8.0, 2.5, 0.0, ln(2.0), ln(0.5), 0.0];
    let mut slate = [0; 2];
    assert_eq!(Conditional::new(&row).best(BestSlate::Items, &mut slate), 8.0);
    assert_eq!(slate, [2, 0]);
}

/// Closed items are neither chosen nor drawn while enough are open.
#[test]
fn closed_items_are_left_out() {
    let closed = f32::NEG_INFINITY;
    // The first has no weight at all beside the others.
    let row = [closed, -3.0, closed, -8.0, -1.0, 0.0, -200.0, 0.0, 0.0, -2.0, 0.0, 0.0];
    for best in [BestSlate::TopK, BestSlate::Exact, BestSlate::Items, BestSlate::Cascade] {
        let config = SlateConfig { best, ..config(5, 3) };
        for epsilon in [0.0, 1.0] {
            let (mut code, outputs) = (vec![0; 200], row.repeat(200));
            let ramp = Ramp::constant(epsilon);
            plain().choose_slate(&config, &ramp, 3, 200, &outputs, &vec![0, 5], &mut code).unwrap();
            for code in code {
                let mut slate: Vec<u32> = config.items(code).collect();
                slate.sort_unstable();
                assert_eq!(slate, [1, 3, 4], "{best:?}, {epsilon}");
            }
        }
    }
}

/// The gradient against central differences of the loss (step 2⁻⁷, third derivatives below 1).
#[test]
fn gradient_is_the_slope() {
    for best in [BestSlate::Exact, BestSlate::Cascade] {
        slope_of_the_loss(&SlateConfig { best, huber: 0.7, choice: 0.3, ..config(4, 3) });
    }
}

fn slope_of_the_loss(config: &SlateConfig) {
    let (size, len) = (5, config.outputs());
    let mut stream = stream(3);
    let (here, next) = (numbers(&mut stream, size * len), numbers(&mut stream, size * len));
    let mut batch = Batch::new(&plain(), size, 4).unwrap();
    batch.reward = numbers(&mut stream, size);
    batch.discount = vec![0.9, 0.0, 0.9, 0.9, 0.5];
    batch.weight = vec![1.0, 0.5, 0.25, 0.75, 1.0];
    let shown = [[0, 1, 2], [2, 3, 0], [3, 0, 1], [1, 2, 3], [0, 2, 1]];
    batch.action = shown.iter().map(|slate| config.code(slate)).collect();
    // Of the last two slates nothing is taken.
    [0, 1, 2, 3, 3].iter().enumerate().for_each(|(row, place)| batch.next[4 * row + place] = 1.0);
    let mut loss = |here: &Vec<f32>| {
        let (mut d, mut summary) = (vec![0.0; size * len], vec![0.0; 2]);
        plain().slate(config, &mut batch, here, &next, None, &mut d, &mut summary).unwrap();
        (summary[0], d)
    };
    let (_, d) = loss(&here);
    for (at, found) in d.iter().enumerate() {
        let mut moved = |by: f32| {
            let mut moved = here.clone();
            moved[at] += by;
            loss(&moved).0
        };
        let slope = (moved(1.0 / 128.0) - moved(-1.0 / 128.0)) * 64.0;
        assert!((slope - found).abs() < 1e-3, "{at}: {slope} {found}");
    }
}

/// Slates survive their code; explored slates are distinct and all occur.
#[test]
fn codes_and_exploration() {
    let config = config(5, 3);
    assert_eq!(config.items(config.code(&[4, 0, 2])).collect::<Vec<_>>(), [4, 0, 2]);
    let (mut code, outputs) = (vec![0; 600], vec![0.0; 600 * config.outputs()]);
    let epsilon = Ramp::constant(1.0);
    plain().choose_slate(&config, &epsilon, 3, 600, &outputs, &vec![0, 5], &mut code).unwrap();
    let slates: std::collections::BTreeSet<Vec<u32>> = code.iter().map(|&c| config.items(c).collect()).collect();
    assert_eq!(slates.len(), 60, "all ordered slates, and no others");
}

#[test]
fn bodies_agree() {
    for best in [BestSlate::Exact, BestSlate::Cascade] {
        agree(&SlateConfig { best, huber: 1.0, ..config(33, 4) });
    }
}

fn agree(config: &SlateConfig) {
    let size = 9;
    let run = |cpu: &Cpu| {
        let mut stream = stream(7);
        let len = config.outputs();
        let (here, next) = (numbers(&mut stream, size * len), numbers(&mut stream, size * len));
        let mut batch = Batch::new(&plain(), size, 5).unwrap();
        batch.weight.fill(1.0);
        (batch.reward, batch.discount) = (numbers(&mut stream, size), vec![0.9; size]);
        batch.action = (0..size as u32).map(|i| config.code(&[i, i + 1, i + 2, i + 3])).collect();
        (0..size).for_each(|i| batch.next[5 * i + i % 5] = 1.0);
        let (mut d, mut summary, mut code) = (vec![0.0; size * len], vec![0.0; 2], vec![0; size]);
        cpu.choose_slate(config, &Ramp::constant(0.3), 1, size, &here, &vec![0, 1], &mut code).unwrap();
        cpu.slate(config, &mut batch, &here, &next, Some(&here), &mut d, &mut summary).unwrap();
        (code, [bits(&d), bits(&summary), bits(&batch.error)])
    };
    vectored().iter().for_each(|cpu| assert_eq!(run(cpu), run(&plain())));
}
