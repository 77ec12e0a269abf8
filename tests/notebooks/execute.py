"""Run notebooks and store their outputs: `python tests/notebooks/execute.py FILE…`.

As JupyterLab stores them: a card that has gone leaves a view without a model.
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> None:
    """Run the notebook in the kernel it names, and store what came out."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            _tidy(output)
    nbformat.write(notebook, path)


def _tidy(output: Any) -> None:
    if VIEW in output.get("data", {}):
        output.data[VIEW]["model_id"] = ""
    output.get("metadata", {}).pop("bec", None)  # names this one run


if __name__ == "__main__":
    for name in sys.argv[1:]:
        execute(Path(name))
