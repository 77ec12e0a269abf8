"""`bec lab`: JupyterLab beside an instance."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import bec_kernel
from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder, person

FIRST = "01_first_scan.ipynb"
LAB = [sys.executable, "-m", "bec_kernel.jupyter.lab"]


def open_lab(data: Path) -> None:
    """Run JupyterLab until it ends; its kernels find the instance in `data`.

    Raises:
        InstanceError: JupyterLab ended with an error.
    """
    folder = Folder(data)
    opened = first_notebook(Path.cwd())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it goes with us
    lab = subprocess.Popen(
        [*LAB, *([str(opened)] if opened else [])],
        env={
            **os.environ,
            "BEC_REDIS": folder.url(person()),
            "BEC_DATA": str(folder.path),
        },
        start_new_session=True,  # Ctrl-C ends it without a question
    )
    try:
        code = lab.wait()
    except BaseException:
        lab.terminate()
        lab.wait(10)
        raise
    if code:
        raise InstanceError(f"JupyterLab ended with exit code {code}")


def first_notebook(here: Path) -> Path | None:
    """Return the first notebook below `here`; copied there if it comes with us."""
    mine = here / "notebooks" / FIRST
    if mine.exists():
        return mine
    package = Path(bec_kernel.__file__).parent
    places = (package / "notebooks" / FIRST, package.parent / "notebooks" / FIRST)
    shipped = next((place for place in places if place.exists()), None)
    if shipped is None:
        return None
    mine.parent.mkdir(exist_ok=True)
    shutil.copyfile(shipped, mine)
    return mine
