"""`mercato.stats` and `mercato.ope` on arrays give what the command line gives on tables, to the last digit.

    pip install ./python
    python tests/slow/python_figures.py target/release/mercato
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import mercato
import numpy as np

RNG = np.random.default_rng(7)


def command_line(program, command, table, folder, *options):
    path = folder / "table.csv"
    path.write_text("\n".join(table) + "\n")
    run = subprocess.run([program, command, path, "--format", "json", *options], check=True, capture_output=True)
    return json.loads(run.stdout)


def raises(text, work):
    try:
        work()
    except (ValueError, TypeError) as error:
        assert text in str(error), f"{error!r} does not say {text!r}"
    else:
        raise AssertionError(f"nothing was raised where {text!r} was due")


def scores(program, folder):
    names = ["chain", "cartpole", "yogurt"]
    given = {"dqn": RNG.normal(0.8, 0.1, (6, 3)), "c51": RNG.normal(0.7, 0.2, (5, 3))}
    given["c51"][2, 1] = np.nan
    table = ["algorithm,run,task,score"]
    for name, array in given.items():
        for (run, task), score in np.ndenumerate(array):
            table.append(f"{name},{run},{names[task]},{'' if np.isnan(score) else repr(float(score))}")
    options = ("--floor", "0", "--margin", "0.05", "--resamples", "500", "--seed", "3")
    theirs = command_line(program, "stats", table, folder, *options)
    ours = mercato.stats.compare(given, names, floor=0, margin=0.05, resamples=500, seed=3)
    assert ours == theirs and ours["algorithms"]["c51"]["failed"] == 1
    curves = mercato.stats.compare({"dqn": RNG.random((4, 2, 5)), "c51": RNG.random((4, 2, 5))}, resamples=200)
    assert len(curves["curves"]["dqn"]) == 5
    # By the definition, and by NumPy.
    runs = np.arange(8.0)
    assert mercato.stats.interquartile_mean(runs) == runs[2:6].mean()
    x, y = RNG.normal(1, 1, 12), RNG.normal(0, 1, 9)
    welch = mercato.stats.difference(x, y)["welch"]
    assert abs(welch["difference"] - (x.mean() - y.mean())) < 1e-12 and 0 < welch["p"] < 1
    assert mercato.stats.runs_for(1.0) == 17, "the textbook's number for one standard deviation"
    raises("(runs, tasks)", lambda: mercato.stats.compare({"dqn": np.zeros(3)}))
    raises("only runs may differ", lambda: mercato.stats.compare({"a": np.zeros((3, 2)), "b": np.zeros((3, 1))}))
    raises("score", lambda: mercato.stats.compare({"a": np.array([[np.nan], [1.0]])}))
    raises("comma", lambda: mercato.stats.compare({"a,b": np.zeros((3, 2))}))
    raises("finite", lambda: mercato.stats.interquartile_mean([1.0, np.nan]))


def logs(program, folder):
    rounds, actions = 400, 4
    logged = RNG.dirichlet(np.ones(actions), rounds)
    action = np.array([RNG.choice(actions, p=row) for row in logged])
    reward = RNG.binomial(1, 0.2 + 0.15 * action).astype(float)
    propensity = logged[np.arange(rounds), action]
    policy = np.tile([0.1, 0.2, 0.3, 0.4], (rounds, 1))
    values = np.tile(0.2 + 0.15 * np.arange(actions), (rounds, 1))
    head = [f"pi_e_{a}" for a in range(actions)] + [f"q_hat_{a}" for a in range(actions)]
    table = [",".join(["action", "reward", "pscore", *head])]
    for row in range(rounds):
        numbers = [float(n) for n in (reward[row], propensity[row], *policy[row], *values[row])]
        table.append(",".join([str(action[row]), *map(repr, numbers)]))
    theirs = command_line(program, "ope", table, folder, "--clip", "5", "--resamples", "300")
    ours = mercato.ope.bandit(action, reward, propensity, policy, values, clip=5.0, resamples=300)
    assert ours == theirs, "the same estimates"
    truth = (policy * values).sum(1).mean()
    robust = next(value for name, value in ours["estimates"].items() if name.lower() == "dr")
    assert robust["low"] < truth < robust["high"], f"{truth} is outside {robust}"
    steps = {"trajectory": np.repeat([0, 1, 2], 2), "t": np.tile([0, 1], 3), "action": np.array([0, 1, 1, 0, 0, 0])}
    paths = mercato.ope.trajectories(
        **steps, reward=np.arange(6.0), behaviour=np.full(6, 0.5), target=np.full(6, 0.25), gamma=0.9, resamples=50
    )
    assert paths["kind"] == "trajectory" and paths["settings"]["gamma"] == 0.9
    raises("different lengths", lambda: mercato.ope.bandit(action[1:], reward, propensity, policy))
    raises("add up to", lambda: mercato.ope.bandit(action, reward, propensity, 2 * policy / 3))
    raises("integers", lambda: mercato.ope.bandit(reward, reward, propensity, policy))
    raises("unknown settings", lambda: mercato.ope.bandit(action, reward, propensity, policy, clipp=2))


def main(program):
    with tempfile.TemporaryDirectory() as name:
        scores(program, pathlib.Path(name))
        logs(program, pathlib.Path(name))
    print("figures on arrays are those of the command line")


if __name__ == "__main__":
    main(sys.argv[1])
