"""Origin of a request: program, command, host and versions; unknown parts are empty."""

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
"""Packages whose versions are recorded: for computing and for display."""


@cache
def environment() -> dict[str, str]:
    """Return versions by name: `{"python": "3.11.9", "bec": "…", "numpy": "…"}`.

    Also the platform. Packages that are not installed are left out. Cached.
    """
    found = {
        "python": platform.python_version(),
        "platform": "-".join(
            filter(None, (platform.system(), platform.release(), platform.machine()))
        ),
        "bec": __version__,
    }
    return found | {name: number for name in PACKAGES if (number := _version(name))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def origin_here(program: str, source: str = "") -> Origin:
    """Return the origin of a request of this process.

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
    """Return the origin of a request from a program without a front end."""
    return origin_here("script" if _is_script() else "")


def _is_script() -> bool:
    """Whether this process runs a file, and is not interactive."""
    if "ipykernel" in sys.modules or hasattr(sys, "ps1"):
        return False
    return hasattr(sys.modules["__main__"], "__file__")
