"""The wheel has what it must, asks for numpy and gymnasium alone, and its types are what its code has.

    pip wheel --no-deps --wheel-dir target/wheels ./python
    python tests/slow/python_wheel.py target/wheels/mercato-*.whl
"""

import email
import importlib.metadata
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import mercato

USE = '''
import mercato
from mercato import Optimum, Run

def value(id: str) -> float:
    known: Optimum = mercato.optimum(id)
    run: Run = mercato.train(id, steps=10)
    first: dict[str, object] = run.records[0]
    reveal_type(run.verify())
    return known.score(known.upper)

mercato.train(3)  # an error that must be found
'''


def main(wheel):
    assert "-cp310-abi3-" in wheel, f"{wheel} is not for every Python from 3.10 on"
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        metadata = email.message_from_bytes(file.read(next(name for name in names if name.endswith("/METADATA"))))
    for name in ("py.typed", "_native.pyi", "_native.abi3.so", "__init__.py", "ray.py"):
        assert f"mercato/{name}" in names, f"{name} is not in {names}"
    needed = [need for need in metadata.get_all("Requires-Dist") if "extra" not in need]
    assert sorted(need.split(">")[0] for need in needed) == ["gymnasium", "numpy"], needed
    for name in mercato.__all__:
        documented = getattr(mercato, name).__doc__
        assert documented, f"mercato.{name} has no docstring"

    def checked(*command, code=0):
        done = subprocess.run([sys.executable, "-m", *command], text=True, capture_output=True)
        assert done.returncode == code, f"{command}:\n{done.stdout}{done.stderr}"
        return done.stdout

    checked("mypy", "--ignore-missing-imports", "--package", "mercato")
    checked("mypy.stubtest", "mercato._native")
    with tempfile.TemporaryDirectory() as folder:
        use = pathlib.Path(folder) / "use.py"
        use.write_text(USE)
        found = checked("mypy", str(use), code=1)
    assert 'dict[str, Any]' in found and found.count("error:") == 1 and 'incompatible type "int"' in found, found
    print(f"{pathlib.Path(wheel).name}: mercato {importlib.metadata.version('mercato')}, typed, on numpy and gymnasium alone")


if __name__ == "__main__":
    main(sys.argv[1])
