"""Worlds with several agents pass PettingZoo's own tests, and are the rows that Rust plays, to the bit.

    pip install './python[pettingzoo]'
    python tests/slow/python_several.py
"""

import pathlib
import warnings

import gymnasium
import mercato
import numpy as np
from pettingzoo.test import parallel_api_test, parallel_seed_test

TRACES = pathlib.Path(__file__).parents[2] / "tests/golden/envs"
FORMS = ({}, {"actions": "continuous"}, {"market": {"firms": 4}})


def raises(kind, text, work):
    try:
        work()
    except kind as error:
        assert text in str(error), f"{error!r} does not say {text!r}"
    else:
        raise AssertionError(f"nothing was raised where {kind.__name__} with {text!r} was due")


def pettingzoo_is_content(id):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for params in FORMS:
            params = {**params, "horizon": 40}
            parallel_api_test(mercato.parallel_env(id, params), num_cycles=200)
            parallel_seed_test(lambda: mercato.parallel_env(id, params))


def the_trace_is_repeated(id):
    """The committed trace has two worlds of two agents: rows 0 and 1 are the agents of the first."""
    env = mercato.parallel_env(id)
    lines = (TRACES / f"{id.replace('/', '_')}.csv").read_text().splitlines()
    table = [line.split(",") for line in lines[3:-1]]
    assert len(env.possible_agents) == 2
    rewards, stage = {agent: 0.0 for agent in env.possible_agents}, "First"
    observations, _ = env.reset(seed=1, options={"domain": "evaluation"})
    for at in range(0, len(table), 4):
        block = dict(zip(env.possible_agents, table[at : at + 2]))
        if at:
            actions = {agent: np.int64(line[3]) for agent, line in block.items()}
            observations, rewards, terminations, truncations, _ = env.step(actions)
            stage = "Mid" if env.agents else "Truncated"
        for agent, line in block.items():
            assert (observations[agent] == np.array(line[8].split(), np.float32)).all(), f"{agent}, step {line[0]}"
            assert np.float32(rewards[agent]) == np.float32(line[6]) and stage == line[7], f"{agent}, step {line[0]}"


def agents_of_one_world_earn_what_the_command_line_says(id):
    env = mercato.parallel_env(id, {"horizon": 50})
    env.reset(seed=3)
    returns = dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        _, rewards, _, truncations, infos = env.step(env.reference("random"))
        for agent, reward in rewards.items():
            returns[agent] += reward
    assert all(truncations.values())
    for agent, metrics in ((agent, infos[agent]["metrics"]) for agent in env.possible_agents):
        assert metrics["episode_return"] == returns[agent] and metrics["length"] == 50 and "profit_gain" in metrics
    assert returns["agent_0"] != returns["agent_1"], "each agent has rewards of its own"


def mistakes_are_exceptions(id):
    env = mercato.parallel_env(id, {"horizon": 2})
    raises(gymnasium.error.ResetNeeded, "reset()", lambda: env.step({}))
    env.reset(seed=0)
    raises(ValueError, "agent_1", lambda: env.step({"agent_0": 1}))
    raises(ValueError, "agent_0", lambda: env.step({"agent_0": 99, "agent_1": 1}))
    raises(ValueError, "agent_1", lambda: env.step({"agent_0": 1, "agent_1": 1.5}))
    env.step({"agent_0": 1, "agent_1": 1})
    env.step({"agent_0": 1, "agent_1": 1})
    assert env.agents == []
    raises(gymnasium.error.ResetNeeded, "reset()", lambda: env.step({"agent_0": 1, "agent_1": 1}))
    raises(ValueError, "firms", lambda: mercato.parallel_env(id, {"market": {"firms": 99}}))
    env.close()
    raises(RuntimeError, "closed", env.reset)


def main():
    assert mercato.ids(several=True), "there are worlds with several agents"
    for id in mercato.ids(several=True):
        pettingzoo_is_content(id)
        the_trace_is_repeated(id)
        agents_of_one_world_earn_what_the_command_line_says(id)
        mistakes_are_exceptions(id)
    print(f"{', '.join(mercato.ids(several=True))}: PettingZoo's tests pass without a warning, and the trace is Rust's")


if __name__ == "__main__":
    main()
