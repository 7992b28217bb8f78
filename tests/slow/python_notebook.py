"""The notebook runs from its first cell to its last, and shows what it says.

    pip install ./python nbclient ipykernel
    python tests/slow/python_notebook.py
"""

import pathlib
import tempfile

import nbformat
from nbclient import NotebookClient

NOTEBOOK = pathlib.Path(__file__).parents[2] / "python/examples/tour.ipynb"


def shown(cell):
    """The text of a cell's outputs, and the kinds of its pictures."""
    text, kinds = "", set()
    for output in cell.get("outputs", []):
        text += output.get("text", "") + output.get("data", {}).get("text/plain", "")
        kinds |= set(output.get("data", {}))
    return text, kinds


def main():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are not committed: they are made here"
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
    outputs = [shown(cell) for cell in notebook.cells if cell.cell_type == "code"]
    text = "\n".join(text for text, _ in outputs)
    kinds = set().union(*(kinds for _, kinds in outputs))
    assert {"image/png", "image/svg+xml", "text/markdown"} <= kinds, kinds
    scores = [float(line.split("score")[1]) for line in text.splitlines() if line.startswith("dqn") and "score" in line]
    assert len(scores) == 3 and min(scores) > 0.6, scores
    assert "exit code 0" in text and "its id does not follow" in text, text
    print(f"the notebook's {len(outputs)} cells run; its agents score {', '.join(f'{score:.3f}' for score in scores)}")


if __name__ == "__main__":
    main()
