"""Every transition of `classic/cartpole-v1` is Gymnasium's: the same next state up to the last digits, the same end.

    cargo run --release --example transitions -- classic/cartpole-v1 20000 > transitions.jsonl
    python tests/slow/cartpole_against_gymnasium.py transitions.jsonl
"""

import json
import sys

import gymnasium
import numpy as np

NAMES = ("x", "x_dot", "theta", "theta_dot")
TOLERANCE = 1e-12


def main(path):
    env = gymnasium.make("CartPole-v1").unwrapped
    env.reset(seed=0)
    count, ends, largest = 0, 0, 0.0
    for line in open(path):
        transition = json.loads(line)
        before = np.array([transition["state"][name] for name in NAMES])
        env.state = before
        env.steps_beyond_terminated = None
        _, reward, terminated, _, _ = env.step(transition["items"][0])
        ours = np.array([transition["next"][name] for name in NAMES])
        theirs = np.array(env.state, dtype=np.float64)
        # Relative to the size of what was added up: a sum near zero keeps the rounding of its terms.
        scale = np.maximum(np.abs(theirs), np.abs(before))
        difference = float(np.max(np.abs(ours - theirs) / scale))
        assert difference <= TOLERANCE, f"transition {count}: {ours} against {theirs}: {line}"
        assert terminated == transition["terminated"], f"transition {count}: terminated {terminated}: {line}"
        assert reward == transition["reward"], f"transition {count}: reward {reward}: {line}"
        count, ends, largest = count + 1, ends + terminated, max(largest, difference)
    assert count >= 1000 and ends >= 10, f"{count} transitions with {ends} ends show too little"
    print(f"{count} transitions, {ends} ends: equal to Gymnasium's, largest relative difference {largest:.1e}")


if __name__ == "__main__":
    main(sys.argv[1])
