"""mercato's own agents from Python: trained, reported, loaded; the records are those of the command line, to the bit.

    pip install ./python
    python tests/slow/python_agents.py target/release/mercato
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import gymnasium
import mercato
import numpy as np

WORLD = "classic/chain-v1"
SETTINGS = {"hidden": [16], "warmup": 200, "target_every": 50, "explore_over": 8000}


def timeless(record):
    """What no clock, folder or build went into."""
    return {key: value for key, value in record.items() if key not in ("time", "code", "experiment")}


def records_are_those_of_the_command_line(run, folder, program):
    command = [program, "train", WORLD, "--agent", "dqn", "--steps", "8000", "--seeds", "0..2", "--episodes", "100"]
    for key, value in SETTINGS.items():
        command += ["--set", f"agent.{key}={json.dumps(value)}"]
    subprocess.run([*command, "--out", folder / "cli"], check=True, stdout=subprocess.DEVNULL)
    lines = (folder / "cli/records.jsonl").read_text().splitlines()
    theirs = {record["trial"]: timeless(record) for record in map(json.loads, lines)}
    ours = {record["trial"]: timeless(record) for record in run.records}
    assert len(ours) == 4 and ours == theirs, "the same trials must give the same records"


def loaded_agents_play(run):
    checkpoints = run.checkpoints()
    assert len(checkpoints) == 2, checkpoints
    agent = mercato.load(checkpoints[0])
    env = gymnasium.make(mercato.gymnasium_id(agent.id))
    observation, _ = env.reset(seed=0)
    over = False
    while not over:
        observation, _, terminated, truncated, info = env.step(agent.act(observation))
        over = terminated or truncated
    assert info["metrics"]["right"] == 1, "the trained agent walks to the far end"
    many = agent.act(np.eye(8, dtype=np.float32))
    assert many.shape == (8,) and all(agent.act(row) == action for row, action in zip(np.eye(8), many))
    record = next(record for record in run.records if record["trial"] == agent.metadata["trial"])
    evaluated = agent.evaluate(episodes=100, seed=record["seed"])
    assert evaluated == record["final"]["metrics"], "the loaded agent earns what its record says"
    try:
        agent.act(np.zeros(7))
    except ValueError as error:
        assert "(8,)" in str(error)
    else:
        raise AssertionError("an observation of the wrong length was taken")


def reports_and_mistakes(run, folder):
    if importlib.util.find_spec("pandas"):
        frame = run.frame()
        assert len(frame) == 4 and (frame.status == "ok").all() and frame[frame.agent == "dqn"].score.min() > 0.99
    assert run.report().exists() and run.report(folder / "elsewhere").read_bytes() == run.report().read_bytes()
    for kind, text, work in [
        (ValueError, "rainbow", lambda: mercato.train(WORLD, agent="rainbo", out=folder / "x")),
        (ValueError, "hidden", lambda: mercato.train(WORLD, settings={"hiden": [8]}, out=folder / "x")),
        (ValueError, "seeds", lambda: mercato.train(WORLD, seeds=[], out=folder / "x")),
        (ValueError, "device", lambda: mercato.train(WORLD, device="gpu", out=folder / "x")),
        (OSError, "missing", lambda: mercato.load(folder / "missing.safetensors")),
        (ValueError, "embedded", lambda: mercato.experiment("nothing-of-this-name")),
        (ValueError, "classic/chain-v1", lambda: mercato.optimum("classic/chian-v1")),
        (ValueError, "oracle", lambda: mercato.reference_policy(WORLD, "orakle")),
    ]:
        try:
            work()
        except kind as error:
            assert text in str(error), f"{error!r} does not say {text!r}"
        else:
            raise AssertionError(f"nothing was raised where {text!r} was due")


def progress_can_stop_a_run(folder):
    def stop(made, total):
        raise KeyboardInterrupt

    try:
        mercato.train(WORLD, steps=5_000_000, seeds=[3], out=folder / "stopped", progress=stop)
    except KeyboardInterrupt:
        assert list((folder / "stopped/resume").iterdir()), "what was running can go on"
    else:
        raise AssertionError("the run was not stopped")


def oracles_reach_the_optimum():
    id = "rec/markov-interest-v1"
    known, oracle = mercato.optimum(id), mercato.reference_policy(id, "oracle")
    envs = gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=2000)
    envs.reset(seed=0)
    values, over = np.zeros(2000), np.zeros(2000, bool)
    while not over.all():
        *_, infos = envs.step(oracle(envs))
        if infos:
            now = infos["_metrics"] & ~over
            values[now] = infos["metrics"]["discounted_return"][now]
            over |= now
    error = values.std() / 2000**0.5
    assert abs(values.mean() - known.upper) < 4 * error, f"{values.mean()} is not {known.upper} within 4 × {error}"
    assert known.score(known.random) == 0 and known.score(known.lower) == 1
    played = mercato.rollout(id, "oracle", episodes=2000)["metrics"]["discounted_return"]
    assert abs(played["mean"] - known.upper) < 4 * played["se"]


def main(program):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        steps = []
        run = mercato.train(
            WORLD,
            steps=8000,
            seeds=range(2),
            settings=SETTINGS,
            episodes=100,
            out=folder / "python",
            progress=lambda made, total: steps.append((made, total)),
        )
        assert all(total == 16000 for _, total in steps)
        records_are_those_of_the_command_line(run, folder, program)
        loaded_agents_play(run)
        reports_and_mistakes(run, folder)
        progress_can_stop_a_run(folder)
        oracles_reach_the_optimum()
    print("agents trained from Python have the command line's records, and play when loaded")


if __name__ == "__main__":
    main(sys.argv[1])
