"""The Python package plays every world as Rust does, to the bit, and as Gymnasium demands, without a warning.

    pip install ./python
    python tests/slow/python_worlds.py
"""

import hashlib
import os
import pathlib
import threading
import warnings

import gymnasium
import mercato
import numpy as np
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode
from mercato.spaces import action_form

TRACES = pathlib.Path(__file__).parents[2] / "tests/golden/envs"
MORE_STEPS = 10_000
STAGES = ("Mid", "Terminated", "Truncated")


def make(id, **options):
    return gymnasium.make(mercato.gymnasium_id(id), **options)


def make_vec(id, rows, **options):
    return gymnasium.make_vec(mercato.gymnasium_id(id), num_envs=rows, **options)


def raises(kind, text, work):
    try:
        work()
    except kind as error:
        assert text in str(error), f"{error!r} does not say {text!r}"
    else:
        raise AssertionError(f"nothing was raised where {kind.__name__} with {text!r} was due")


def every_world_passes_check_env_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for id in mercato.ids():
            for mode in (None, "rgb_array"):
                env = make(id, render_mode=mode)
                check_env(env.unwrapped)
    print(f"check_env is content with {len(mercato.ids())} worlds, drawn and not")


def columns(text, kind):
    return np.array(text.split(), kind)


def every_world_repeats_its_trace():
    """The committed traces: four rows, 64 steps of reference policies, then the hash of 10,000 at random."""
    for id in mercato.ids():
        lines = (TRACES / f"{id.replace('/', '_')}.csv").read_text().splitlines()
        rows = 4
        envs = make_vec(id, rows, scale_actions=False)
        observation, _ = envs.reset(seed=1, options={"domain": "evaluation"})
        reward, stages = np.zeros(rows, np.float32), ["First"] * rows
        over = np.zeros(rows, bool)
        table = [line.split(",") for line in lines[3:-1]]
        for at in range(0, len(table), rows):
            block = table[at : at + rows]
            if at:
                items = np.stack([columns(line[3], np.int64) for line in block])
                reals = np.stack([columns(line[4], np.float32) for line in block])
                actions = envs._form.decode(items, reals, rows)
                expected = envs.expected_reward(actions)
                observation, reward, terminated, truncated, _ = envs.step(actions)
                stages = np.where(over, "First", np.array(STAGES)[terminated + 2 * truncated])
                over = terminated | truncated
                kept = [float(line[5]) for line in block]
                assert (expected == kept).all(), f"{id}: expected reward in step {at // rows}: {expected}, not {kept}"
            for row, line in enumerate(block):
                kept = columns(line[8], np.float32)
                assert (observation[row] == kept).all(), f"{id}, step {line[0]}: {observation[row]} is not {kept}"
                assert reward[row] == np.float32(line[6]) and stages[row] == line[7], f"{id}: {line}"
        digest = hashlib.sha256()
        own = slice(len(envs.metric_names) - len(envs.world_spec["metrics"]), None)
        for _ in range(MORE_STEPS):
            actions = envs.reference("random")
            expected = envs.expected_reward(actions)
            observation, reward, terminated, truncated, _ = envs.step(actions)
            for row in range(rows):
                stage = 0 if over[row] else 1 + terminated[row] + 2 * truncated[row]
                digest.update(bytes([stage]))
                digest.update(reward[row].tobytes() + expected[row].tobytes() + observation[row].tobytes())
                if stage >= 2:
                    digest.update(envs._metrics[row, own].tobytes())
            over = terminated | truncated
        assert digest.hexdigest() in lines[-1], f"{id}: {digest.hexdigest()} is not {lines[-1]}"
    print(f"{len(mercato.ids())} worlds repeat their traces: 64 steps in every number, {MORE_STEPS} by their hash")


def one_environment_is_a_row_of_a_vector():
    """Single, next-step and same-step play the same episodes, whatever the number of rows."""
    for id in mercato.ids():
        rows, steps = 3, 60
        single = make(id)
        following, same = (make_vec(id, rows, autoreset_mode=mode) for mode in ("NextStep", "SameStep"))
        env = single.unwrapped
        one, _ = single.reset(seed=7)
        many, _ = following.reset(seed=7)
        at_once, _ = same.reset(seed=7)
        assert (one == many[0]).all() and (many == at_once).all(), id
        for _ in range(steps):
            action = env.reference("random")
            one, reward, terminated, truncated, info = single.step(action)
            many, rewards, terminations, truncations, infos = following.step(following.reference("random"))
            assert (one == many[0]).all() and reward == rewards[0], id
            assert (terminated, truncated) == (terminations[0], truncations[0]), id
            if terminated or truncated:
                for name, value in info["metrics"].items():
                    assert infos["_metrics"][0] and infos["metrics"][name][0] == value, f"{id}: {name}"
                one, _ = single.reset()
                many, rewards, terminations, truncations, _ = following.step(following.reference("random"))
                assert (one == many[0]).all() and rewards[0] == 0 and not (terminations[0] or truncations[0]), id
        # Episode by episode, the two autoreset modes agree: the returns of what ended, in the order of the rows.
        following.reset(seed=8)
        same.reset(seed=8)
        ended = [[[] for _ in range(rows)] for _ in range(2)]
        for _ in range(steps):
            *_, terminations, truncations, infos = following.step(following.reference("random"))
            if infos:
                for row in np.flatnonzero(infos["_metrics"]):
                    ended[0][row].append(infos["metrics"]["episode_return"][row])
            *_, terminations, truncations, infos = same.step(same.reference("random"))
            if infos:
                for row in np.flatnonzero(infos["_final_obs"]):
                    assert infos["final_obs"][row] in same.single_observation_space, id
                    ended[1][row].append(infos["final_info"]["metrics"]["episode_return"][row])
        for late, early in zip(*ended):
            assert early[: len(late)] == late, f"{id}: {late} {early}"
    print("single environments and both autoreset modes play the same episodes")


def metrics_are_those_of_the_command_line():
    for id in mercato.ids():
        envs = make_vec(id, 32, scale_actions=False)
        envs.reset(seed=5, options={"domain": "evaluation"})
        played = mercato.rollout(id, "random", episodes=32, seed=5)["metrics"]
        values, over = {}, np.zeros(32, bool)
        while not over.all():
            *_, infos = envs.step(envs.reference("random"))
            if infos:
                now = infos["_metrics"] & ~over
                for name in envs.metric_names:
                    values.setdefault(name, np.zeros(32))[now] = infos["metrics"][name][now]
                over |= now
        assert "length" in values and envs.objective in values, id
        for name, found in values.items():
            mean, weight = played[name]["mean"], values.get(dict(envs.world_spec["weights"]).get(name))
            found = found if weight is None else np.array(found @ weight / weight.sum())
            # Sums in another order: the last digits.
            assert abs(found.mean() - mean) <= 1e-12 * max(abs(mean), 1), f"{id}: {name} is {found.mean()}, not {mean}"
    print("info['metrics'] has the means that `mercato rollout` prints")


def spaces_translate_there_and_back():
    rng = np.random.default_rng(0)
    hybrid = {"product": [{"discrete": 5}, {"continuous": [[0.0, 10.0]]}]}
    nested = {"product": [hybrid, {"slate": {"candidates": 6, "slots": 3}}]}
    simple = {"discrete": 4}, {"slate": {"candidates": 7, "slots": 7}}, {"continuous": [[5, 15], [-1, 3]]}
    for shape in (*simple, hybrid, nested):
        for scaled in (False, True):
            form = action_form(shape, scaled)
            form.space.seed(int(rng.integers(1000)))
            batch = gymnasium.vector.utils.batch_space(form.space, 3)
            for rows, space in ((None, form.space), (3, batch)):
                action = space.sample()
                assert action in space
                items, reals = form.encode(action, rows)
                words = tuple(0 if column is None else column.shape[1] for column in (items, reals))
                assert words == (form.items, form.reals), f"{shape}: {words}"
                empty = np.empty((rows or 1, 0), np.int64), np.empty((rows or 1, 0), np.float32)
                back = form.decode(empty[0] if items is None else items, empty[1] if reals is None else reals, rows)
                assert back in space and data_equivalence(back, action), f"{action} {back}"
    slate = action_form({"slate": {"candidates": 5, "slots": 3}}, False).space
    assert np.array([1, 1, 2]) not in slate and np.array([4, 1, 2]) in slate
    counts = np.zeros((3, 3), int)
    pair = mercato.Slate(3, 2, seed=1)
    for _ in range(6000):
        counts[tuple(pair.sample())] += 1
    # Each of six pairs is binomial with standard deviation 29.
    assert (abs(counts[~np.eye(3, dtype=bool)] - 1000) < 120).all() and (np.diag(counts) == 0).all(), counts
    print("actions translate there and back, hybrid ones too")


def repeated_items_become_the_next_free_one():
    id = next(id for id in mercato.ids() if isinstance(make(id).action_space, mercato.Slate))
    env = mercato.DistinctSlates(make(id))
    slots = env.action_space.shape[0]
    assert (env.action(np.zeros(slots, int)) == np.arange(slots)).all()
    env.reset(seed=0)
    env.step(np.zeros(slots, int))


def parameters_come_with_make_and_with_reset():
    env = make("classic/chain-v1", params={"small": 0.25}).unwrapped
    assert env.world_spec["params"]["small"] == 0.25
    env.reset(seed=0, options={"params": {"small": 0.5}})
    assert env.step(0)[1] == 0.5
    raises(ValueError, "change the spaces", lambda: env.reset(options={"params": {"length": 9}}))
    raises(ValueError, "length", lambda: make("classic/chain-v1", params={"lenght": 9}))
    raises(ValueError, "first_row", lambda: env.reset(options={"row": 1}))
    row_two = make_vec("pricing/yogurt-v1", 3).reset(seed=3)[0][2]
    assert (make("pricing/yogurt-v1").reset(seed=3, options={"first_row": 2})[0] == row_two).all()


def modifiers_are_parameters():
    params = {"mask_rate": 0.3, "reward_noise": 0.5, "cost": "bait"}
    env = make("rec/markov-interest-v1", params=params).unwrapped
    check_env(env)
    plain = make("rec/markov-interest-v1").unwrapped
    assert env.observation_space.shape[0] == plain.observation_space.shape[0] + 10
    observation, _ = env.reset(seed=5)
    info, shown, cost = {}, 0.0, 0.0
    while "metrics" not in info:
        assert set(observation[-10:]) <= {0.0, 1.0}
        observation, reward, _, _, info = env.step(0)
        shown, cost = shown + reward, cost + info["cost"]
    metrics = info["metrics"]
    assert np.isclose(metrics["observed_return"], shown) and metrics["episode_cost"] == cost
    assert float(metrics["episode_return"]).is_integer() and not float(shown).is_integer()
    assert mercato.optimum("rec/markov-interest-v1", {"reward_noise": 2.0}).upper == mercato.optimum("rec/markov-interest-v1").upper
    raises(ValueError, "reward_noise", lambda: make("rec/markov-interest-v1", params={"reward_nois": 1.0}))


def mistakes_are_exceptions_with_the_remedy():
    env = make("rec/markov-interest-v1").unwrapped
    raises(gymnasium.error.ResetNeeded, "reset()", lambda: env.step(0))
    env.reset(seed=0)
    raises(ValueError, "out of range", lambda: env.step(10))
    raises(ValueError, "out of range", lambda: env.step(-1))
    raises(TypeError, "integer", lambda: env.step(1.5))
    raises(ValueError, "2^56", lambda: make_vec("classic/chain-v1", 2).reset(seed=2**60))
    raises(ValueError, "2^56", lambda: make_vec("classic/chain-v1", 2).reset(seed=[1, 2]))
    while True:
        *_, terminated, truncated, _ = env.step(0)
        if terminated or truncated:
            break
    raises(RuntimeError, "reset()", lambda: env.step(0))
    env.close()
    raises(RuntimeError, "closed", lambda: env.step(0))
    raises(RuntimeError, "closed", lambda: env.reset())

    envs = make_vec("pricing/yogurt-v1", 4)
    before, _ = envs.reset(seed=0)
    before = before.copy()
    raises(ValueError, "[-1, 1]", lambda: envs.step(np.full((4, 1), np.nan, np.float32)))
    raises(ValueError, "scale_actions=False", lambda: envs.step(np.full((4, 1), 8.5, np.float32)))
    raises(ValueError, "must be (4, 1)", lambda: envs.step(np.zeros(4, np.float32)))
    raises(TypeError, "real numbers", lambda: envs.step(np.array([["a"]] * 4)))
    raw = make_vec("pricing/yogurt-v1", 4, scale_actions=False)
    raw.reset(seed=0)
    raises(ValueError, "finite", lambda: raw.step(np.full((4, 1), np.nan, np.float32)))
    # What was refused changed nothing.
    scaled, plain = envs.step(np.zeros((4, 1), np.float32)), raw.step(np.full((4, 1), 10, np.float32))
    assert all((one == other).all() for one, other in zip(scaled[:4], plain[:4]))

    items = make_vec("classic/chain-v1", 4)
    items.reset(seed=0)
    raises(TypeError, "integers", lambda: items.step(np.zeros(4)))
    raises(ValueError, "must be (4,)", lambda: items.step(np.zeros(5, int)))


def arrays_are_new_unless_asked_otherwise():
    fresh, reused = make_vec("classic/cartpole-v1", 8), make_vec("classic/cartpole-v1", 8, copy=False)
    first, again = fresh.reset(seed=0)[0], reused.reset(seed=0)[0]
    kept = first.copy()
    for _ in range(3):
        new, written = fresh.step(np.zeros(8, int))[0], reused.step(np.zeros(8, int))[0]
        assert not np.shares_memory(first, new) and np.shares_memory(again, written)
        assert (new == written).all() and (first == kept).all()


def two_threads_are_told_and_forks_go_on():
    envs = make_vec("classic/cartpole-v1", 20_000, copy=False)
    envs.reset(seed=0)
    actions, told = np.zeros(20_000, int), []

    def play():
        for _ in range(300):
            try:
                envs.step(actions)
            except RuntimeError as error:
                told.append(str(error))

    threads = [threading.Thread(target=play) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told and all("another thread" in text for text in told), f"{len(told)} of 1200 calls were refused"
    with warnings.catch_warnings():
        # Python warns of forks beside threads, which is what this is about.
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        small = make("classic/cartpole-v1")
        small.reset(seed=0)
        small.step(0)
        try:
            envs.step(actions)
        except RuntimeError as error:
            os._exit(0 if "spawn" in str(error) else 3)
        os._exit(1 if (os.cpu_count() or 1) > 1 else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "a forked process must be told, and play small worlds"
    print("mistakes, threads and forks end in exceptions with the remedy")


def main():
    every_world_passes_check_env_without_a_warning()
    every_world_repeats_its_trace()
    one_environment_is_a_row_of_a_vector()
    metrics_are_those_of_the_command_line()
    spaces_translate_there_and_back()
    repeated_items_become_the_next_free_one()
    parameters_come_with_make_and_with_reset()
    modifiers_are_parameters()
    arrays_are_new_unless_asked_otherwise()
    mistakes_are_exceptions_with_the_remedy()
    two_threads_are_told_and_forks_go_on()


if __name__ == "__main__":
    main()
