//! What the article's printed loss converges to, and what its head can and cannot express.
use mercato::{
    agents::network::{Head, Network},
    kernels::{Cpu, Device},
};

/// One state, rewards 1 and 0.5, discount 0.9: the printed sign settles at r / (1 + γ), the right one at r / (1 − γ).
#[test]
fn the_printed_sign_learns_other_values() {
    let iterate = |sign: f64| {
        let mut q = [0.0f64; 2];
        for _ in 0..500 {
            let best = if q[0] >= q[1] { q[0] } else { q[1] };
            q = [1.0, 0.5].map(|reward| reward + sign * 0.9 * best);
        }
        q
    };
    let close = |found: [f64; 2], expected: [f64; 2]| {
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9), "{found:?}");
    };
    close(iterate(1.0), [10.0, 9.5]);
    close(iterate(-1.0), [0.526_315_789_473_684_2, 0.026_315_789_473_684_2]);
}

/// Q(s, a) = f(s)·u(a) ranks the items one way or the other; the plain head has no such bond.
#[test]
fn the_factored_head_has_two_rankings() {
    let (states, items) = (64, 10);
    let rankings = |head| {
        let network = Network::new(8, &[16], items, 1, head);
        let cpu = Cpu::new().expect("a processor");
        let theta = cpu.upload(&network.initial(1)).expect("room");
        let x: Vec<f32> = (0..states * 8).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
        let mut outputs = network.outputs(&cpu, states, false).expect("room");
        network.forward(&cpu, states, &theta, &cpu.upload(&x).expect("room"), None, &mut outputs).expect("forward");
        let mut all: Vec<Vec<usize>> = (outputs[outputs.len() - 1].chunks_exact(items))
            .map(|q| {
                let mut order: Vec<usize> = (0..items).collect();
                order.sort_by(|a, b| q[*a].total_cmp(&q[*b]));
                order
            })
            .collect();
        all.sort();
        all.dedup();
        all.len()
    };
    assert!(rankings(Head::Factored) <= 2);
    assert!(rankings(Head::Plain) > 10);
}
