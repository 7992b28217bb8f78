"""What `mercato rollout --log` writes is read by pandas, has true propensities, and evaluates other policies.

    python tests/slow/rollout_logs.py target/release/mercato
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile

import pandas


def main(mercato):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)

        def rollout(world, policy, *options, log=None):
            command = [mercato, "rollout", world, "--policy", policy, "--format", "json", *options]
            if log:
                command += ["--log", str(path / log)]
            return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["metrics"]

        behaviour = ["--epsilon", "0.4", "--episodes", "3000", "--seed", "5"]
        world = "rec/markov-interest-v1"
        metrics = rollout(world, "oracle", *behaviour, "--target", "random", log="log.csv")
        rollout(world, "oracle", *behaviour, "--target", "random", log="log.jsonl")
        table = pandas.read_csv(path / "log.csv", float_precision="round_trip")
        lines = pandas.read_json(path / "log.jsonl", lines=True, precise_float=True)
        assert len(table) == len(lines) > 10_000, f"{len(table)} and {len(lines)} transitions"
        for name in ["trajectory", "t", "action", "reward", "pi_b_a", "pi_e_a", "terminated", "truncated"]:
            assert (table[name] == lines[name]).all(), f"`{name}` differs between the forms"
        returns = table.groupby("trajectory")["reward"].sum()
        assert len(returns) == 3000 and math.isclose(returns.mean(), metrics["episode_return"]["mean"], rel_tol=1e-9)
        lengths = table.groupby("trajectory").size()
        assert math.isclose(lengths.mean(), metrics["length"]["mean"], rel_tol=1e-9)
        # Ten items, 0.4 of the time any of them.
        assert set(table["pi_b_a"].round(6)) == {0.04, 0.64}
        share = (table["pi_b_a"] > 0.5).mean()
        se = math.sqrt(0.64 * 0.36 / len(table))
        assert abs(share - 0.64) < 4 * se, f"the oracle's item was shown {share} of the time"
        weights = (1 / table["pi_b_a"]).mean() / 10
        assert abs(weights - 1) < 0.05, f"mean weight of the random policy {weights}"

        # A bandit: inverse propensities give the value of a policy that did not play.
        bandit = "rec/topic-bandit-v1"
        rollout(bandit, "random", "--episodes", "200", "--seed", "6", "--target", "oracle", log="bandit.csv")
        table = pandas.read_csv(path / "bandit.csv")
        values = table["reward"] * table["pi_e_a"] / table["pscore"]
        truth = rollout(bandit, "oracle", "--episodes", "200", "--seed", "7")["mean_reward"]
        se = math.hypot(values.std() / math.sqrt(len(values)), truth["se"])
        assert abs(values.mean() - truth["mean"]) < 4 * se, f"{values.mean()} for {truth['mean']}"
        command = [mercato, "ope", str(path / "bandit.csv"), "--resamples", "200", "--format", "json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(f"pandas reads {len(lines)} transitions; inverse propensities find {truth['mean']:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
