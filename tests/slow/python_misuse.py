"""Whatever is handed over, an exception says what to do instead; the process never ends, and the world stays as it was.

    pip install ./python
    python tests/slow/python_misuse.py

Every kind of world meets every kind of nonsense in a process of its own, whose exit code would tell an abort.
"""

import concurrent.futures
import copy
import json
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import warnings

import gymnasium
import mercato
import numpy as np

NONSENSE = [
    None,
    "left",
    b"0",
    1.5,
    -1,
    10**6,
    2**40,
    2**70,
    float("nan"),
    float("inf"),
    True,
    [],
    [0],
    [0.5],
    (),
    (0,),
    (0, [0.5]),
    (0, [float("nan")]),
    ([0, 0], [0.1]),
    {},
    {"action": 0},
    object(),
    np.zeros(0),
    np.zeros((3, 7)),
    np.zeros((1, 1, 1), int),
    np.full((4, 1), np.nan, np.float32),
    np.full((4,), 2**62),
    np.full((4,), -1),
    np.array(["a", "b", "c", "d"]),
    np.array([object()] * 4),
    np.zeros(4, complex),
    np.zeros(4, "M8[s]"),
    np.zeros((4, 2), bool),
    np.ma.masked_array(np.zeros(4), mask=True),
    np.zeros((2, 2)).T,
]
ONE_OF_EACH = [
    "classic/chain-v1",
    "rec/slate-cascade-v1",
    "pricing/yogurt-v1",
    "pricing/multi-product-hybrid-v1",
    "pricing/multi-product-mnl-v1",
]
EXPECTED = (ValueError, TypeError, OverflowError, RuntimeError, gymnasium.error.Error)


def refused_or_taken(work):
    """Whether `work` was refused, by an exception with something to say."""
    try:
        work()
    except EXPECTED as error:
        assert str(error), repr(error)
        return True
    return False


def nonsense(id):
    """Refused actions change nothing: the next admissible step is that of a twin which never saw them."""
    gymnasium_id, options = mercato.gymnasium_id(id), {"scale_actions": False}
    one, twin = (gymnasium.make(gymnasium_id, **options).unwrapped for _ in range(2))
    many, pair = (gymnasium.make_vec(gymnasium_id, num_envs=4, **options) for _ in range(2))
    for env in (one, twin, many, pair):
        env.reset(seed=1)
    refused = 0
    for given in NONSENSE:
        action = twin.reference("random")
        if refused_or_taken(lambda: one.step(given)):
            refused += 1
            seen, expected = one.step(action), twin.step(action)
            assert (seen[0] == expected[0]).all() and seen[1:4] == expected[1:4], f"{id} changed after {given!r}"
        one.reset(seed=1)
        twin.reset(seed=1)
        actions = pair.reference("random")
        if refused_or_taken(lambda: many.step(given)):
            refused += 1
            for seen, expected in zip(many.step(actions)[:4], pair.step(actions)[:4]):
                assert (seen == expected).all(), f"{id} changed after {given!r}"
        many.reset(seed=1)
        pair.reset(seed=1)
    assert refused > 1.5 * len(NONSENSE), f"only {refused} of {2 * len(NONSENSE)} were refused"
    for seed in ("x", 1.5, -1, 2**60, [1], np.array([1, 2])):
        assert refused_or_taken(lambda: one.reset(seed=seed)), f"seed {seed!r} was taken"
        assert refused_or_taken(lambda: many.reset(seed=seed)), f"seed {seed!r} was taken"
    for options in ({"parms": {}}, {"params": 3}, {"params": {"": 1}}, {"domain": "test"}, {"first_row": -1}):
        assert refused_or_taken(lambda: one.reset(options=options)), f"{options!r} was taken"
    for rows in (0, -1, 2**33):
        assert refused_or_taken(lambda: gymnasium.make_vec(gymnasium_id, num_envs=rows)), f"{rows} rows"
    for env in (one, many):
        env.close()
        for work in (lambda: env.step(0), env.reset, env.reference, lambda: env.expected_reward(0)):
            assert refused_or_taken(work), "a closed environment went on"
        env.close()
    assert refused_or_taken(lambda: copy.deepcopy(twin)) and refused_or_taken(lambda: pickle.dumps(pair))


def the_native_half_checks_for_itself():
    """Whoever goes past the Python half meets exceptions too: wrong lengths, types, layouts, arrays twice."""
    world = mercato._native.World("classic/cartpole-v1", "{}", 4)
    names = json.loads(world.spec())["metrics"]
    observation, reward, metrics = np.zeros((4, 4), np.float32), np.zeros(4, np.float32), np.zeros((4, len(names)))
    ends = np.zeros(4, bool), np.zeros(4, bool)
    world.reset(0, False, 0, observation)
    items = np.zeros((4, 1), np.int64)
    world.step(items, None, observation, reward, *ends, metrics)
    frozen = np.zeros(4, np.float32)
    frozen.flags.writeable = False
    for wrong in [
        (items[:3], None, observation, reward, *ends, metrics),
        (items, reward, observation, reward, *ends, metrics),
        (items, None, observation[:3], reward, *ends, metrics),
        (items, None, observation.astype(np.float64), reward, *ends, metrics),
        (items, None, np.asfortranarray(np.zeros((4, 4), np.float32)), reward, *ends, metrics),
        (items, None, np.zeros((4, 8), np.float32)[:, ::2], reward, *ends, metrics),
        (items, None, observation, frozen, *ends, metrics),
        (items, None, observation, observation[0], *ends, metrics),
        (items, None, observation, reward, ends[0], ends[0], metrics),
        (items, None, observation, reward, *ends, metrics[:, :1]),
        (None, None, observation, reward, *ends, metrics),
        ([0] * 4, None, observation, reward, *ends, metrics),
    ]:
        assert refused_or_taken(lambda: world.step(*wrong)), f"{wrong} was taken"
    for wrong in [("classic/cartpole-v1", "{", 1), ("classic/cartpole-v1", "[]", 1), ("nothing", "{}", 1)]:
        assert refused_or_taken(lambda: mercato._native.World(*wrong)), wrong


def threads_on_one_environment():
    """A thread that comes while another one steps is told; nothing is lost, nothing ends."""
    env = gymnasium.make(mercato.gymnasium_id("classic/chain-v1"), params={"length": 64}).unwrapped
    env.reset(seed=0)
    counts = [0, 0]
    lock = threading.Lock()

    def play():
        for _ in range(3000):
            try:
                _, _, terminated, truncated, _ = env.step(1)
                if terminated or truncated:
                    env.reset()
            except RuntimeError as error:
                assert "another thread" in str(error) or "reset()" in str(error), error
                with lock:
                    counts[1] += 1
            else:
                with lock:
                    counts[0] += 1

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(play) for _ in range(4)]:
            done.result()
    assert sum(counts) == 12_000 and counts[0] > 1000, counts


def other_processes():
    """Environments are made in processes of their own, forked or spawned, as vectors of Gymnasium do."""
    for context in ("fork", "spawn", "forkserver"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            envs = gymnasium.vector.AsyncVectorEnv([make_chain] * 2, context=context)
            envs.reset(seed=0)
            observation, *_ = envs.step(np.array([1, 1]))
            assert observation.shape == (2, 8) and observation[0, 1] == 1, context
            envs.close()


def a_fork_in_the_middle():
    """A forked copy of an environment is an environment of its own, and plays on."""
    env = gymnasium.make(mercato.gymnasium_id("pricing/yogurt-v1")).unwrapped
    env.reset(seed=0)
    action = np.zeros(1, np.float32)
    env.step(action)
    receiver, sender = multiprocessing.Pipe(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        sender.send(env.step(action)[0])
        os._exit(0)
    theirs, ours = receiver.recv(), env.step(action)[0]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and (theirs == ours).all()


def optimum_after_a_fork():
    """An optimum that is found on several cores is found in a forked process too, whatever its parent has done."""
    world, params = "rec/huge-factored-v1", {"items": 100_000}
    before = mercato.optimum("compat/auctiongym-v0").upper, mercato.optimum(world, params).random
    receiver, sender = multiprocessing.Pipe(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        sender.send((mercato.optimum("compat/auctiongym-v0").upper, mercato.optimum(world, params).random))
        os._exit(0)
    if not receiver.poll(60):
        os.kill(child, signal.SIGKILL)
        raise AssertionError("a forked process waits without end")
    assert receiver.recv() == before
    os.waitpid(child, 0)


def agents_and_runs(folder="runs/none"):
    for work in (
        lambda: mercato.load(__file__),
        lambda: mercato.load("nowhere.safetensors"),
        lambda: mercato.train("classic/chain-v1", steps=-1),
        lambda: mercato.train("classic/chain-v1", seeds=-1),
        lambda: mercato.train("classic/chain-v1", jobs=-1),
        lambda: mercato.train("classic/chain-v1", episodes=0),
        lambda: mercato.train("classic/chain-v1", settings={"learning_rate": float("nan")}),
        lambda: mercato.train({"name": "x"}),
        lambda: mercato.rollout("classic/chain-v1", episodes=0),
        lambda: mercato.rollout("classic/chain-v1", episodes=-1),
        lambda: mercato.rollout("classic/chain-v1", seed=2**60),
        lambda: mercato.log("classic/chain-v1", "/nowhere/log.csv"),
        lambda: mercato.log("pricing/yogurt-v1", "log.csv", policy="oracle"),
        lambda: mercato.optimum("classic/chain-v1", {"length": "many"}),
    ):
        try:
            work()
        except (*EXPECTED, OSError) as error:
            assert str(error)
        else:
            raise AssertionError("nonsense was taken")
    assert not list(pathlib.Path().glob("log.csv*")), "a log that was refused left something behind"


def make_chain():
    return gymnasium.make(mercato.gymnasium_id("classic/chain-v1"))


PARTS = {
    "native": the_native_half_checks_for_itself,
    "threads": threads_on_one_environment,
    "processes": other_processes,
    "fork": a_fork_in_the_middle,
    "optimum after a fork": optimum_after_a_fork,
    "agents": agents_and_runs,
    **{id: lambda id=id: nonsense(id) for id in ONE_OF_EACH},
}


def main():
    for part in PARTS:
        done = subprocess.run([sys.executable, __file__, part], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{part} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        assert "panicked" not in done.stderr, f"{part}:\n{done.stderr}"
    print(f"{len(NONSENSE)} kinds of nonsense, threads, forks and wrong arrays end in exceptions; no process ended")


if __name__ == "__main__":
    PARTS[sys.argv[1]]() if len(sys.argv) > 1 else main()
