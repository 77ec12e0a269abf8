"""Where a request was typed, and in what environment. What is not known stays empty."""

import platform
import socket
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from bec_kernel.version import __version__
from bec_kernel.wire import Origin

PACKAGES = (
    *("numpy", "scipy", "pandas", "xarray", "lmfit", "h5py", "ophyd"),
    *("bokeh", "matplotlib", "anywidget", "ipywidgets"),
    *("ipython", "ipykernel", "jupyterlab"),
)
"""Whose versions are told: what a person computes with, and what it is shown by."""


@cache
def environment() -> dict[str, str]:
    """Return versions of Python, BEC and `PACKAGES`, and the platform, by name.

    What is not installed is not there. Looked up once in a process.
    """
    found = {
        "python": platform.python_version(),
        "platform": "-".join(
            filter(None, (platform.system(), platform.release(), platform.machine()))
        ),
        "bec": __version__,
    }
    return found | {name: told for name in PACKAGES if (told := _version(name))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def origin_here(program: str, source: str = "") -> Origin:
    """Return the origin of what this process asks for.

    Args:
        program: `notebook`, `ipython`, `script` or `shell`.
        source: text of the command.
    """
    return Origin(
        program=program,
        source=source,
        host=socket.gethostname(),
        environment=environment(),
    )


def origin_of_program() -> Origin:
    """Return the origin of a program that no front end speaks for."""
    return origin_here("script" if _is_script() else "")


def _is_script() -> bool:
    """It is a file that runs, and nobody types into it."""
    if "ipykernel" in sys.modules or hasattr(sys, "ps1"):
        return False
    return hasattr(sys.modules["__main__"], "__file__")
