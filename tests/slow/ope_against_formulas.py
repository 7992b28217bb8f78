"""`mercato ope` against Open Bandit Pipeline itself, and against the formulas of SCOPE-RL written out in numpy.

obp 0.5.7 asks for Python below 3.11 and imports torch, which only its learners use. Its estimators are pure numpy: their
files are imported by themselves. SCOPE-RL asks for far more, so of it only the formulas are compared.

    pip install --no-deps --ignore-requires-python --requirement tests/slow/requirements-obp.txt
    python tests/slow/ope_against_formulas.py target/release/mercato
"""

import importlib
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import warnings

import numpy as np

TOLERANCE = 1e-9
CLIP, SWITCH, SHRINK, FLAT, GAMMA = 4.0, 3.0, 5.0, 0.2, 0.95


def open_bandit_pipeline():
    """obp's module of estimators, without the rest of the package."""
    root = pathlib.Path(importlib.util.find_spec("obp").origin).parent
    torch = types.ModuleType("torch")
    torch.Tensor = torch.tensor = type("Tensor", (), {})
    sys.modules["torch"] = torch
    for name, folder in [("obp", root), ("obp.ope", root / "ope")]:
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return importlib.import_module("obp.ope.estimators")


def run(mercato, header, rows):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(",".join(header) + "\n")
        file.writelines(",".join(repr(float(value)) if value % 1 else str(int(value)) for value in row) + "\n" for row in rows)
        file.flush()
        settings = f"--clip {CLIP} --switch {SWITCH} --shrink {SHRINK} --sub-gaussian {FLAT} --gamma {GAMMA}"
        command = [mercato, "ope", file.name, "--format", "json", "--resamples", "50", *settings.split()]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def compare(what, found, expected):
    for name, value in expected.items():
        ours = found["estimates"][name]["point"]
        assert abs(ours - value) <= TOLERANCE * max(1.0, abs(value)), f"{what}, {name}: {ours} against {value}"


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def values(obp, chosen, reward, pscore, policy, model):
    """The estimates of obp, by our names; it has the model's estimator only where there is spread to resample."""
    log = dict(reward=reward, action=chosen, pscore=pscore, action_dist=policy[:, :, None])
    log["position"] = np.zeros(len(reward), dtype=int)
    weighted = {
        "ips": obp.InverseProbabilityWeighting(),
        "clipped_ips": obp.InverseProbabilityWeighting(lambda_=CLIP),
        "snips": obp.SelfNormalizedInverseProbabilityWeighting(),
        "sub_gaussian_ips": obp.SubGaussianInverseProbabilityWeighting(lambda_=FLAT),
    }
    modelled = {
        "dm": obp.DirectMethod(),
        "dr": obp.DoublyRobust(),
        "clipped_dr": obp.DoublyRobust(lambda_=CLIP),
        "sndr": obp.SelfNormalizedDoublyRobust(),
        "switch_dr": obp.SwitchDoublyRobust(lambda_=SWITCH),
        "dr_os": obp.DoublyRobustWithShrinkage(lambda_=SHRINK),
        "sub_gaussian_dr": obp.SubGaussianDoublyRobust(lambda_=FLAT),
    }
    found = {name: estimator.estimate_policy_value(**log) for name, estimator in weighted.items()}
    log["estimated_rewards_by_reg_model"] = model[:, :, None]
    return found | {name: estimator.estimate_policy_value(**log) for name, estimator in modelled.items()}


def bandit(mercato, obp, rng, rounds, actions, nasty):
    behaviour, policy = softmax(rng.normal(size=(rounds, actions))), softmax(2 * rng.normal(size=(rounds, actions)))
    if nasty:  # actions that the evaluation policy never takes, and rewards without spread
        policy[:, 0] = 0
        policy[policy.sum(axis=1) == 0, 1] = 1
        policy /= policy.sum(axis=1, keepdims=True)
    chosen = np.array([rng.choice(actions, p=row) for row in behaviour])
    at = np.arange(rounds), chosen
    reward = np.zeros(rounds) if nasty else rng.binomial(1, 0.3 + 0.5 * chosen / actions).astype(float)
    model = rng.uniform(size=(rounds, actions))
    header = ["action", "reward", "pscore"] + [f"pi_e_{a}" for a in range(actions)] + [f"q_hat_{a}" for a in range(actions)]
    found = run(mercato, header, np.column_stack([chosen, reward, behaviour[at], policy, model]))
    w, q, v = policy[at] / behaviour[at], model[at], (policy * model).sum(axis=1)
    flat = w / (1 - FLAT + FLAT * w)
    compare("bandit", found, {
        "ips": (w * reward).mean(),
        "clipped_ips": (np.minimum(w, CLIP) * reward).mean(),
        "snips": (w * reward / w.mean()).mean(),
        "sub_gaussian_ips": (flat * reward).mean(),
        "dm": v.mean(),
        "dr": (v + w * (reward - q)).mean(),
        "clipped_dr": (v + np.minimum(w, CLIP) * (reward - q)).mean(),
        "sndr": (v + w / w.mean() * (reward - q)).mean(),
        "switch_dr": (v + np.where(w <= SWITCH, w, 0) * (reward - q)).mean(),
        "dr_os": (v + SHRINK * w / (w**2 + SHRINK) * (reward - q)).mean(),
        "sub_gaussian_dr": (v + flat * (reward - q)).mean(),
    })
    with warnings.catch_warnings(action="error", category=RuntimeWarning):
        theirs = values(obp, chosen, reward, behaviour[at], policy, model)
    compare("bandit, obp", found, theirs)
    size = w.sum() ** 2 / (w**2).sum()
    assert abs(found["diagnostics"]["weights"]["size"] - size) <= TOLERANCE * size
    assert abs(found["logged"]["point"] - reward.mean()) <= TOLERANCE


def trajectories(mercato, rng, count, horizon, actions):
    shape = (count, horizon, actions)
    behaviour, policy = softmax(rng.normal(size=shape)), softmax(rng.normal(size=shape))
    model, reward = rng.normal(size=shape), rng.normal(size=shape[:2])
    chosen = np.array([[rng.choice(actions, p=row) for row in steps] for steps in behaviour])
    take = lambda values: np.take_along_axis(values, chosen[..., None], axis=2)[..., 0]  # noqa: E731
    header = ["trajectory", "t", "action", "reward", "pi_b_a", "pi_e_a"]
    header += [f"pi_e_{a}" for a in range(actions)] + [f"q_hat_{a}" for a in range(actions)]
    state = rng.integers(0, 3, shape[:2])
    which, t = np.indices(shape[:2])
    columns = [which, t, chosen, reward, take(behaviour), take(policy)]
    rows = np.column_stack([column.ravel() for column in columns])
    rows = np.column_stack([rows, policy.reshape(-1, actions), model.reshape(-1, actions), state.ravel()])
    found = run(mercato, [*header, "state"], rows)
    w = np.cumprod(take(policy) / take(behaviour), axis=1)
    before = np.column_stack([np.ones(count), w[:, :-1]])
    q, v = take(model), (policy * model).sum(axis=2)
    discount = GAMMA ** np.arange(horizon)
    fitted = np.zeros(count)
    for at in reversed(range(horizon)):
        target, table = reward[:, at] + GAMMA * fitted, np.zeros((3, actions))
        for cell in np.ndindex(table.shape):
            seen = (state[:, at] == cell[0]) & (chosen[:, at] == cell[1])
            table[cell] = target[seen].mean() if seen.any() else 0
        fitted = (policy[:, at] * table[state[:, at]]).sum(axis=1)
    # SCOPE-RL adds 1e-10 to each mean weight; that is within the tolerance.
    normal, normal_before = w / w.mean(axis=0), before / before.mean(axis=0)
    returns = (discount * reward).sum(axis=1)
    compare("trajectories", found, {
        "tis": (w[:, -1] * returns).mean(),
        "wis": (normal[:, -1] * returns).mean(),
        "pdis": (discount * w * reward).sum(axis=1).mean(),
        "pdwis": (discount * normal * reward).sum(axis=1).mean(),
        "dm": v[:, 0].mean(),
        "fqe": fitted.mean(),
        "dr": (discount * (w * (reward - q) + before * v)).sum(axis=1).mean(),
        "sndr": (discount * (normal * (reward - q) + normal_before * v)).sum(axis=1).mean(),
    })


def refused(mercato):
    """A propensity of zero says that what happened could not happen: an error with its line, no infinite weight."""
    for log, place in [
        ("action,reward,pscore,pi_e_0,pi_e_1\n0,1,0.5,0.5,0.5\n1,1,0,0.5,0.5\n", "line 3, column `pscore`"),
        ("trajectory,t,action,reward,pi_b_a,pi_e_a\n0,0,0,1,0,0.5\n", "line 2, column `pi_b_a`"),
    ]:
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(log)
            file.flush()
            done = subprocess.run([mercato, "ope", file.name], capture_output=True, text=True)
        assert done.returncode == 2 and place in done.stderr, f"{done.returncode}: {done.stderr}"


def main(mercato):
    rng = np.random.default_rng(3)
    obp = open_bandit_pipeline()
    for rounds, actions, nasty in [(1000, 5, False), (7, 2, False), (1, 3, False), (300, 4, True)]:
        bandit(mercato, obp, rng, rounds, actions, nasty)
    for count, horizon, actions in [(400, 5, 3), (3, 20, 2), (1, 1, 2)]:
        trajectories(mercato, rng, count, horizon, actions)
    refused(mercato)
    print("11 estimators equal obp 0.5.7 on 4 logs and 19 the formulas on 7; zero propensities are refused with their line")


if __name__ == "__main__":
    main(sys.argv[1])
