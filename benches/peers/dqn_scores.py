"""mercato's DQN beside that of Stable-Baselines3: the same settings, worlds, budgets and evaluation episodes, in turns.

    pip install ./python stable-baselines3
    python benches/peers/dqn_scores.py 3 > scores.jsonl       # seeds of each; a line per training
    python benches/peers/dqn_scores.py --table scores.jsonl

Both play the world through one row on one core. What differs is inside: random numbers, the start of the weights, and
the order in which sums are computed.
"""

import measure  # noqa: F401  first: it pins the threads

import json
import pathlib
import statistics
import sys
import tempfile
import time

import mercato

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python/examples"))

STEPS = {"classic/cartpole-v1": 50_000, "rec/markov-interest-v1": 20_000, "pricing/inventory-v1": 20_000}
EPISODES = 500


def settings_of(theirs, steps):
    """Ours from those of Stable-Baselines3, which counts steps where mercato counts updates."""
    every, updates = theirs.get("train_freq", 4), theirs.get("gradient_steps", 1)
    return {
        "rows": 1,
        "hidden": theirs["policy_kwargs"]["net_arch"],
        "learning_rate": theirs["learning_rate"],
        "batch": theirs["batch_size"],
        "memory": min(theirs.get("buffer_size", 1_000_000), 2 * steps),
        "warmup": 1000,
        "update_every": every,
        "updates": updates,
        # Theirs looks after every step, but between two rounds of updates nothing changes.
        "target_every": max(theirs["target_update_interval"] * updates // every, updates),
        "explore_over": round(theirs["exploration_fraction"] * steps),
        "explore_to": theirs.get("exploration_final_eps", 0.05),
    }


def ours(id, params, steps, seed, settings):
    with tempfile.TemporaryDirectory() as folder:
        run = mercato.train(
            id, "dqn", steps, seed, settings, params, episodes=EPISODES, out=pathlib.Path(folder) / "run", jobs=1
        )
        record = next(record for record in run.records if record["agent"] == "dqn")
    return record["final"]["metrics"][record["objective"]]["mean"]


def main(seeds):
    import sb3

    # The zoo's network, which the example makes smaller to be quick.
    sb3.DQN_SETTINGS_OF["classic/cartpole-v1"]["policy_kwargs"] = {"net_arch": [256, 256]}
    for seed in range(seeds):
        for id, steps in STEPS.items():
            theirs = sb3.DQN_SETTINGS | sb3.DQN_SETTINGS_OF.get(id, {})
            params = sb3.PARAMS.get(id)
            settings = settings_of(theirs, steps)
            if id != "rec/markov-interest-v1":
                settings["discount"] = 0.99  # as the example has it where the world's own is 1
            score = mercato.optimum(id, params).score
            for who in ("mercato", "Stable-Baselines3"):
                since = time.perf_counter(), time.process_time()
                if who == "mercato":
                    value = ours(id, params, steps, seed, settings)
                else:
                    value = sb3.evaluate(sb3.train("dqn", id, steps, seed, params), id, params, EPISODES)
                wall, cpu = time.perf_counter() - since[0], time.process_time() - since[1]
                line = {"env": id, "who": who, "seed": seed, "score": float(score(value)), "wall_s": wall, "cpu_s": cpu}
                print(json.dumps(line), flush=True)


def table(lines):
    """Scores by seed, the difference with Welch's interval, and the ratio of the times."""
    print("| world, steps | mercato | Stable-Baselines3 | difference, 95 % | seconds of the CPU |")
    print("|---|---|---|---:|---:|")
    for id, steps in STEPS.items():
        of = {who: [line for line in lines if (line["env"], line["who"]) == (id, who)] for who in ("mercato", "Stable-Baselines3")}
        scores = {who: [line["score"] for line in found] for who, found in of.items()}
        welch = mercato.stats.difference(*scores.values())["welch"]
        seconds = [statistics.median(line["cpu_s"] for line in found) for found in of.values()]
        shown = [", ".join(f"{value:.3f}" for value in found) for found in scores.values()]
        low, high = welch["interval"]["low"], welch["interval"]["high"]
        print(
            f"| `{id}`, {steps:,} | {shown[0]} | {shown[1]} | {welch['difference']:+.3f} [{low:+.3f}, {high:+.3f}] "
            f"| {seconds[0]:.1f}, {seconds[1]:.1f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--table"]:
        table([json.loads(line) for line in open(sys.argv[2])])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 3)
