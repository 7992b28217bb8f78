"""What `mercato train --tensorboard` writes is read by TensorBoard's own loader, with the article's `total_reward`.

    python tests/slow/tensorboard_reads.py target/release/mercato
"""

import math
import pathlib
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAGS = {"total_reward", "loss", "mean_q", "epsilon"}


def main(mercato):
    with tempfile.TemporaryDirectory() as folder:
        command = [mercato, "train", "classic/chain-v1", "--agent", "dqn", "--steps", "4000", "--seeds", "0..2"]
        subprocess.run([*command, "--tensorboard", "--out", folder], check=True, stdout=subprocess.DEVNULL)
        files = sorted(pathlib.Path(folder).rglob("events.out.tfevents.*"))
        assert len(files) == 2, f"an event file per seed, found {files}"
        for file in files:
            events = EventAccumulator(str(file), size_guidance={"scalars": 0})
            events.Reload()
            found = set(events.Tags()["scalars"])
            assert TAGS <= found, f"{file.name} has the scalars {found}, not all of {TAGS}"
            for tag in TAGS:
                scalars = events.Scalars(tag)
                steps = [scalar.step for scalar in scalars]
                assert len(steps) >= 3 and steps == sorted(set(steps)), f"steps of {tag}: {steps}"
                assert all(math.isfinite(scalar.value) for scalar in scalars), f"{tag} is not finite"
            epsilons = [scalar.value for scalar in events.Scalars("epsilon")]
            assert all(0 <= value <= 1 for value in epsilons), f"epsilon outside [0, 1]: {epsilons}"
    print(f"TensorBoard reads {', '.join(sorted(TAGS))} of {len(files)} trials")


if __name__ == "__main__":
    main(sys.argv[1])
