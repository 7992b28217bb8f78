"""What the program writes fits the schemas that it prints, and the snippet in docs/statistics.md reads it with pandas.

    python tests/slow/outputs.py target/release/mercato
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema

ROOT = pathlib.Path(__file__).parents[2]
SPEC = """
name = "small"
title = "A small one"
seeds = "0..3"
[evaluation]
episodes = 20
points = 4
point_episodes = 10
[tuning]
seeds = [100, 101]
how = "By hand."
[[worlds]]
env = "classic/chain-v1"
steps = 400
references = ["random", "oracle"]
[[worlds.agents]]
preset = "dqn"
set = { hidden = [8], memory = 300, warmup = 50, batch = 8 }
[[worlds.agents]]
preset = "dqn"
name = "explodes"
set = { hidden = [8], memory = 300, warmup = 50, batch = 8, learning_rate = 1e6, huber = inf, clip = inf }
[[worlds]]
env = "rec/topic-bandit-v1"
steps = 400
references = ["random"]
[[worlds.agents]]
preset = "dqn"
set = { hidden = [8], memory = 300, warmup = 50, batch = 8 }
"""
BANDIT = "action,reward,pscore,pi_e_0,pi_e_1,q_hat_0,q_hat_1\n0,1,0.5,0.2,0.8,0.1,0.9\n1,0,0.5,0.6,0.4,0.3,0.2\n"
PATHS = "trajectory,t,action,reward,pi_b_a,pi_e_a\n0,0,0,1,0.5,0.2\n0,1,1,0,0.5,0.8\n1,0,1,1,0.5,0.8\n"
SCORES = "algorithm,run,task,score\na,0,x,0.5\na,1,x,0.6\nb,0,x,0.4\nb,1,x,0.7\nc,0,x,1\n"


def main(mercato):
    def run(*arguments, codes=(0,)):
        done = subprocess.run([mercato, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode in codes, f"{arguments}: {done.returncode} {done.stderr}"
        return done.stdout

    validators = {}
    for name in ["record", "report", "stats", "ope", "diff", "counts", "verify", "ab"]:
        schema = json.loads(run("schema", name))
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[name] = jsonschema.Draft202012Validator(schema)

    def fits(name, value):
        for error in validators[name].iter_errors(value):
            raise AssertionError(f"{name}, {error.json_path}: {error.message}")
        # A schema that forgives everything would be none: another version and a lost field are refused.
        other = {**value, "schema": value["schema"] + 1}
        assert not validators[name].is_valid(other), f"{name} takes another layout"
        for key in value:
            lost = copy.copy(value)
            del lost[key]
            needed = key in validators[name].schema["required"]
            assert validators[name].is_valid(lost) != needed, f"{name}.{key}"

    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        for name, text in [("spec.toml", SPEC), ("bandit.csv", BANDIT), ("paths.csv", PATHS), ("scores.csv", SCORES)]:
            (place / name).write_text(text)
        out = str(place / "runs/small")
        run("run", str(place / "spec.toml"), "--out", out, codes=(0, 1))
        lines = (place / "runs/small/records.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        for record in records:
            fits("record", record)
        assert any(record["status"]["kind"] == "diverged" for record in records), "a run was to diverge"
        fits("report", json.loads((place / "runs/small/report.json").read_text()))
        run("report", out, "--since", out, codes=(0, 1))
        fits("report", json.loads((place / "runs/small/report.json").read_text()))
        fits("diff", json.loads(run("diff", out, out, "--format", "json")))
        fits("verify", json.loads(run("verify", out, "--format", "json", codes=(0, 6))))
        fits("counts", json.loads(run("kernels", "list", "--format", "json")))
        for log in ["bandit.csv", "paths.csv"]:
            fits("ope", json.loads(run("ope", str(place / log), "--format", "json", "--resamples", "50")))
        for more in [[], ["--paired"], ["--margin", "0.2"]]:
            text = run("stats", str(place / "scores.csv"), "--format", "json", "--resamples", "50", *more)
            fits("stats", json.loads(text))
        curves = str(place / "runs/small/curves.csv")
        curves = run("stats", curves, "--algorithm", "dqn", "--format", "json", "--resamples", "50", "--floor", "0")
        assert json.loads(curves)["curves"], "curves.csv has evaluation points"

        snippet = re.search(r"```python\n(.*?)```", (ROOT / "docs/statistics.md").read_text(), re.DOTALL).group(1)
        code = snippet.replace("runs/quick", out)
        assert code != snippet, "the snippet reads runs/quick"
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        for word in ["chain-v1", "dqn", "explodes", "diverged"]:
            assert word in done.stdout, f"{word} is not in {done.stdout}"
    print(f"outputs fit the schemas {', '.join(validators)}; pandas reads a run")


if __name__ == "__main__":
    main(sys.argv[1])
