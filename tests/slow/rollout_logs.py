"""What `mercato rollout --log` writes is read by pandas, is the same in every form, has true propensities, and evaluates
other policies.

    python tests/slow/rollout_logs.py target/release/mercato
"""

import json
import math
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import pandas
import pyarrow.parquet


def the_same(table, columns):
    """Every column of the CSV and of the Parquet file has the same name, place and values, in its exact type."""
    assert list(table) == list(columns), f"{list(table)} and {list(columns)}"
    for name in table:
        # Parquet holds a world's numbers as f32; the CSV has the shortest text that reads back as that f32.
        csv = table[name].astype(columns[name].dtype)
        assert (csv == columns[name]).all(), f"`{name}` differs between CSV and Parquet"


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
        rollout(world, "oracle", *behaviour, "--target", "random", log="log.parquet")
        columns = pandas.read_parquet(path / "log.parquet")
        the_same(table, columns)
        dtypes = {str(dtype) for dtype in columns.dtypes}
        assert dtypes == {"uint32", "float32", "float64", "bool"}, f"types {dtypes}"
        groups = pyarrow.parquet.ParquetFile(path / "log.parquet").metadata.num_row_groups
        assert groups > 1, "the log is too small to have several row groups"
        sizes = {form: (path / f"log.{form}").stat().st_size for form in ["csv", "jsonl", "parquet"]}
        assert sizes["parquet"] * 3 < sizes["csv"] < sizes["jsonl"], f"{sizes} bytes"
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

        # Slates and pairs of items and prices have columns of their own.
        for other in ["rec/slateq-mdp-v1", "pricing/multi-product-mnl-v1"]:
            for form in ["csv", "parquet"]:
                rollout(other, "random", "--episodes", "20", log=f"other.{form}")
            table = pandas.read_csv(path / "other.csv", float_precision="round_trip")
            the_same(table, pandas.read_parquet(path / "other.parquet"))
            assert "item_1" in table, f"{list(table)}"

        # A log that cannot be finished leaves nothing behind, neither under its name nor under another.
        before = set(path.iterdir())
        refused = [mercato, "rollout", "pricing/inventory-v1", "--policy", "oracle", "--log", str(path / "none.parquet")]
        assert subprocess.run(refused, stderr=subprocess.DEVNULL).returncode == 2
        endless = [mercato, "rollout", world, "--episodes", "1000000", "--log", str(path / "none.parquet")]
        process = subprocess.Popen(endless, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (path / "none.parquet.unfinished").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130, "Ctrl-C ends with 130"
        assert set(path.iterdir()) == before, f"left behind: {set(path.iterdir()) - before}"
    print(f"pandas reads {len(lines)} transitions; inverse propensities find {truth['mean']:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
