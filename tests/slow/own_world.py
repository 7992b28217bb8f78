"""The crate that `mercato new-env` writes compiles without a network, passes its tests, and plays.

    python tests/slow/own_world.py target/debug/mercato
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
# What the workspace's tests use beside: with them every package has the same features here, and none is compiled again.
BESIDE = ("criterion", "ndarray-rand", "rand_distr", "statrs", "tempfile")


def main(program):
    # The workspace's own folder and flags: what it has compiled already is not compiled again.
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    environment = {**os.environ, "CARGO_TARGET_DIR": target}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "corner-shop"

        def run(*command, cwd=None):
            done = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True)
            assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            return done.stdout

        told = run(program, "new-env", "corner-shop", "--out", str(folder))
        assert "cargo test" in told, told
        shutil.copytree(ROOT / ".cargo", folder / ".cargo")
        workspace = (ROOT / "Cargo.toml").read_text()
        manifest = folder / "Cargo.toml"
        sources = "".join(file.read_text() for file in folder.rglob("*.rs"))
        assert not any(name.replace("-", "_") in sources for name in BESIDE), "it needs what its manifest does not name"
        lines = [re.search(f"^{name} = .*$", workspace, re.MULTILINE).group() for name in BESIDE]
        manifest.write_text("\n".join([manifest.read_text(), "[dev-dependencies]", *lines, ""]))
        tested = run("cargo", "test", "--offline", "--quiet", cwd=folder)
        assert tested.count("test result: ok") >= 3, tested
        played = run("cargo", "run", "--offline", "--quiet", cwd=folder)
        values = dict(line.split(": ") for line in played.splitlines() if ": 0." in line)
        optimum = float(played.split("optimum ")[1].split(",")[0])
        learned = [float(value) for who, value in values.items() if who.startswith("dqn")]
        oracle = float(values["oracle"].split()[0])
        assert abs(oracle - optimum) < 0.02 and len(learned) == 2 and min(learned) > 0.95 * optimum, played
        assert (folder / "runs/corner-shop/report.html").exists()
        # A world that changed is found out: by its trace, and by its optimum.
        source = folder / "src/lib.rs"
        source.write_text(source.read_text().replace("offer as f32 /", "0.9 * offer as f32 /"))
        broken = subprocess.run(
            ["cargo", "test", "--offline", "--quiet", "--no-fail-fast"], cwd=folder, env=environment, text=True, capture_output=True
        )
        assert broken.returncode != 0 and "it_repeats_its_trace" in broken.stdout, broken.stdout
    print(f"the crate of `mercato new-env` compiles, keeps its promises, and DQN earns {min(learned):.3f} of {optimum:.3f} in it")


if __name__ == "__main__":
    main(sys.argv[1])
