"""`mercato stats` and `mercato plan` against rliable, scipy and statsmodels, on random and on nasty scores; and how much
faster it is than rliable.

    python tests/slow/stats_against_peers.py target/release/mercato
"""

import json
import subprocess
import sys
import tempfile
import time

import numpy as np
from rliable import library, metrics
from scipy import special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.weightstats import ttost_ind

TOLERANCE = 1e-9
MARGIN = 0.2


def cases(rng):
    """Scores by algorithm: a list of tasks, each an array of runs."""
    def normal(tasks, runs, shift):
        return [rng.normal(shift + 0.1 * task, 0.2, runs) for task in range(tasks)]

    yield "random", {name: normal(4, 10, shift) for name, shift in [("a", 0.4), ("b", 0.5), ("c", 0.8)]}
    yield "skewed", {name: [rng.lognormal(-1, 1, 7) for _ in range(3)] for name in "ab"}
    yield "ties", {name: [rng.integers(0, 4, 6) / 3 for _ in range(3)] for name in "ab"}
    yield "a constant column", {"a": [np.full(6, 0.1), rng.normal(size=6)], "b": normal(2, 6, 0.3)}
    yield "one run", {name: normal(5, 1, 0.5) for name in "ab"}
    yield "three cells", {"a": [rng.normal(size=3)], "b": [rng.normal(size=3)]}
    yield "large and small", {"a": normal(1, 5, 1e6), "b": [1e-9 * rng.normal(size=5)]}
    yield "unequal numbers", {"a": normal(2, 8, 0.5), "b": normal(2, 13, 0.4)}


def run(mercato, scores, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("algorithm,run,task,score\n")
        for name, tasks in scores.items():
            for task, runs in enumerate(tasks):
                file.writelines(f"{name},{run},{task},{float(score)!r}\n" for run, score in enumerate(runs))
        file.flush()
        start = time.perf_counter()
        command = [mercato, "stats", file.name, "--format", "json", *more]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        return json.loads(out), time.perf_counter() - start


def close(ours, theirs, what):
    scale = max(1.0, abs(theirs))
    assert abs(ours - theirs) <= TOLERANCE * scale, f"{what}: {ours} against {theirs}"


def compare(name, scores, found):
    for algorithm, tasks in scores.items():
        matrix, ours = np.stack(tasks, axis=1), found["algorithms"][algorithm]
        theirs = {
            "iqm": metrics.aggregate_iqm(matrix),
            "mean": metrics.aggregate_mean(matrix),
            "median": metrics.aggregate_median(matrix),
            "optimality_gap": metrics.aggregate_optimality_gap(matrix),
        }
        for figure, value in theirs.items():
            close(ours[figure]["point"], value, f"{name}, {algorithm}, {figure}")
        thresholds = np.array(found["profiles"]["thresholds"])
        profile = [library.run_score_deviation(matrix, threshold) for threshold in thresholds]
        for estimate, share in zip(found["profiles"]["algorithms"][algorithm], profile):
            close(estimate["point"], share, f"{name}, {algorithm}, profile")
    for pair in found["improvement"]:
        x, y = (np.stack(scores[pair[side]], axis=1) for side in "xy")
        close(pair["point"], metrics.probability_of_improvement(x, y), f"{name}, improvement")
    raw = {"welch": [], "mann_whitney": [], "permutation": []}
    for test in found["tests"]:
        x, y = (scores[test[side]][int(test["task"])] for side in "xy")
        what = f"{name}, task {test['task']}"
        if test["welch"] is not None:
            welch = stats.ttest_ind(x, y, equal_var=False)
            interval = welch.confidence_interval()
            for ours, theirs in [
                (test["welch"]["t"], welch.statistic),
                (test["welch"]["freedom"], welch.df),
                (test["welch"]["p"], welch.pvalue),
                (test["welch"]["interval"]["low"], interval.low),
                (test["welch"]["interval"]["high"], interval.high),
            ]:
                close(ours, theirs, f"{what}, Welch")
            close(test["equivalence"]["p"], ttost_ind(x, y, -MARGIN, MARGIN, usevar="unequal")[0], f"{what}, equivalence")
        else:
            assert len(x) < 2 or len(y) < 2 or np.var(x) + np.var(y) == 0, what
        ranks = test["mann_whitney"]
        close(ranks["u"], stats.mannwhitneyu(x, y).statistic, f"{what}, U")
        if len(set([*x, *y])) == len(x) + len(y) and ranks["exact"]:
            close(ranks["p"], stats.mannwhitneyu(x, y, method="exact").pvalue, f"{what}, Mann-Whitney")
        elif len(x) + len(y) <= 12 and len(x) > 1:
            ranked = lambda a, b: stats.mannwhitneyu(a, b).statistic  # noqa: E731
            exact = stats.permutation_test((x, y), ranked, permutation_type="independent", n_resamples=np.inf)
            close(ranks["p"], exact.pvalue, f"{what}, Mann-Whitney with ties")
        if test["permutation"]["exact"] and len(x) > 1:
            mean = lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis)  # noqa: E731
            kind = {"permutation_type": "independent", "n_resamples": np.inf, "vectorized": True}
            close(test["permutation"]["p"], stats.permutation_test((x, y), mean, **kind).pvalue, f"{what}, permutation")
        wins = np.sign(np.subtract.outer(x, y))
        close(test["cliffs_delta"], wins.mean(), f"{what}, Cliff's delta")
        for kind in raw:
            if test[kind] is not None:
                raw[kind].append((test[kind]["p"], test[kind]["p_holm"]))
    for kind, pairs in raw.items():
        if pairs:
            adjusted = multipletests([p for p, _ in pairs], method="holm")[1]
            for (_, ours), theirs in zip(pairs, adjusted):
                close(ours, theirs, f"{name}, Holm over {kind}")


def pairs(name, scores, found):
    """Paired t and sign-flip tests."""
    for test in found["tests"]:
        x, y = (scores[test[side]][int(test["task"])] for side in "xy")
        what = f"{name}, task {test['task']}, paired"
        if test["paired_t"] is not None:
            theirs = stats.ttest_rel(x, y)
            interval = theirs.confidence_interval()
            close(test["paired_t"]["t"], theirs.statistic, f"{what} t")
            close(test["paired_t"]["freedom"], theirs.df, f"{what} degrees of freedom")
            close(test["paired_t"]["p"], theirs.pvalue, f"{what} p")
            close(test["paired_t"]["interval"]["low"], interval.low, f"{what} low")
            close(test["paired_t"]["interval"]["high"], interval.high, f"{what} high")
        else:
            assert len(x) < 2 or np.ptp(x - y) == 0, what
        if test["sign_flip"]["exact"] and len(x) > 1:
            mean = lambda a, b, axis: np.mean(a - b, axis=axis)  # noqa: E731
            kind = {"permutation_type": "samples", "n_resamples": np.inf, "vectorized": True}
            close(test["sign_flip"]["p"], stats.permutation_test((x, y), mean, **kind).pvalue, f"{what}, sign flip")


def effects(name, scores, found):
    """Hedges' g by its formula, and the ends of its interval: the effects under which scipy's noncentral t distribution
    puts the t that was found at its 97.5 and 2.5 % quantile. How many intervals were compared."""
    compared = 0
    for test in found["tests"]:
        x, y = (scores[test[side]][int(test["task"])] for side in "xy")
        n, m, what = len(x), len(y), f"{name}, task {test['task']}, Hedges' g"
        freedom = n + m - 2
        squares = ((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()
        if min(n, m) < 2 or squares == 0:
            assert test["hedges_g"] is None and test["hedges_g_interval"] is None, what
            continue
        d = (x.mean() - y.mean()) / np.sqrt(squares / freedom)
        unit = np.exp(special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
        close(test["hedges_g"], unit * d, what)
        scale = np.sqrt(1 / n + 1 / m)
        t = d / scale
        if abs(t) > 30:  # scipy's distribution is nan this far out
            continue
        for end, probability in [("low", 0.975), ("high", 0.025)]:
            shift = test["hedges_g_interval"][end] / unit / scale
            close(stats.nct.cdf(t, freedom, shift), probability, f"{what}, {end}")
        compared += 1
    return compared


def powers(name, found):
    """Power achieved and detectable effects by statsmodels. How many were compared: far out its power is nan."""
    compared = 0
    family = sum(test["welch"] is not None for test in found["tests"])
    for test in found["tests"]:
        n, m = test["n"]
        if min(n, m) < 2:
            assert test["power"] is None, name
            continue
        alpha = 0.05 / max(family, 1)
        close(test["power"]["alpha"], alpha, f"{name}, level")
        for effect, ours in [(test["hedges_g"], test["power"]["achieved"]), (test["power"]["detectable"], 0.8)]:
            assert (effect is None) == (ours is None), name
            theirs = np.nan if effect is None else TTestIndPower().power(effect, n, alpha, ratio=m / n)
            if not np.isnan(theirs):
                close(ours, theirs, f"{name}, power of {effect} with {n} and {m} runs")
                compared += 1
    return compared


def plans(mercato):
    """The effects that `mercato plan` says are found have the power that was asked for, by statsmodels, and its runs are the
    fewest. How many were compared: with few runs and a large effect statsmodels' power is nan."""
    compared = 0
    for effect, wanted, family in [(1.0, 0.8, 1), (0.5, 0.9, 15), (2.0, 0.8, 3)]:
        command = [mercato, "plan", "--effect", str(effect), "--power", str(wanted), "--family", str(family)]
        plan = json.loads(subprocess.run([*command, "--format", "json"], check=True, stdout=subprocess.PIPE).stdout)
        power = lambda effect, n: TTestIndPower().power(effect, n, 0.05 / family, ratio=1)  # noqa: B023, E731
        for row in plan["detectable"]:
            found = power(row["effect"], row["runs"])
            if not np.isnan(found):
                close(found, wanted, f"power of {row}")
                compared += 1
        assert power(effect, plan["runs"] - 1) < wanted <= power(effect, plan["runs"]), plan["runs"]
    return compared


def intervals(mercato, rng):
    """Ends of intervals differ by no more than two runs of rliable itself do. How many times as long rliable takes for the
    replicates that both draw unless they are told otherwise: the least of five times each, in turns, its own of a 250th of
    them, times 250."""
    scores = {name: [rng.normal(shift, 0.3, 10) for _ in range(8)] for name, shift in [("a", 0.5), ("b", 0.6)]}
    reps = 1_000
    matrices = {name: np.stack(tasks, axis=1) for name, tasks in scores.items()}
    pair = {"a,b": (matrices["a"], matrices["b"])}
    figures = [metrics.aggregate_iqm, metrics.aggregate_mean, metrics.aggregate_median, metrics.aggregate_optimality_gap]

    def theirs(reps):
        start = time.perf_counter()
        _, aggregates = library.get_interval_estimates(
            matrices, lambda x: np.array([figure(x) for figure in figures]), reps=reps
        )
        _, improvement = library.get_interval_estimates(pair, metrics.probability_of_improvement, reps=reps)
        return aggregates, improvement, time.perf_counter() - start

    aggregates, improvement, _ = theirs(reps)
    found, _ = run(mercato, scores, "--resamples", str(reps))
    times = [(run(mercato, scores, "--resamples", "50000")[1], 250 * theirs(200)[2]) for _ in range(5)]
    for name, bounds in aggregates.items():
        for at, figure in enumerate(["iqm", "mean", "median", "optimality_gap"]):
            estimate = found["algorithms"][name][figure]
            width = estimate["high"] - estimate["low"]
            # The 2.5 % quantile of 1000 normal replicates has a standard error of 0.02 widths; both sides have one.
            for end, bound in [("low", bounds[0][at]), ("high", bounds[1][at])]:
                assert abs(estimate[end] - bound) < 0.12 * width, f"{name}, {figure}: {estimate} against {bounds[:, at]}"
    estimate, bounds = found["improvement"][0], improvement["a,b"].ravel()
    width = estimate["high"] - estimate["low"]
    assert abs(estimate["low"] - bounds[0]) < 0.12 * width and abs(estimate["high"] - bounds[1]) < 0.12 * width
    ours, rliables = map(min, zip(*times))
    return rliables / ours


def main(mercato):
    rng = np.random.default_rng(7)
    names, compared, tested = [], 0, 0
    for name, scores in cases(rng):
        found, _ = run(mercato, scores, "--resamples", "200", "--margin", str(MARGIN))
        if name == "unequal numbers":  # rliable needs as many runs of every task, which each of the two has
            assert [test["n"] for test in found["tests"]] == [[8, 13], [8, 13]]
        if name == "one run":
            assert all(value["iqm"]["low"] is None for value in found["algorithms"].values())
        compare(name, scores, found)
        compared += effects(name, scores, found)
        tested += powers(name, found)
        if name != "unequal numbers":
            pairs(name, scores, run(mercato, scores, "--resamples", "200", "--paired")[0])
        names.append(name)
    assert compared >= 20, f"only {compared} intervals of Hedges' g"
    assert tested >= 40, f"only {tested} powers"
    assert plans(mercato) >= 15, "most powers are compared"
    ratio = intervals(mercato, rng)
    assert ratio > 100, f"rliable takes only {ratio:.0f} times as long"
    print(f"equal to rliable, scipy and statsmodels on {', '.join(names)}; rliable takes {ratio:.0f} times as long")


if __name__ == "__main__":
    main(sys.argv[1])
