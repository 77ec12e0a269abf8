"""JupyterLab as `bec lab` runs it: `python -m bec_kernel.jupyter.lab [OPTION|FILE]…`.

A new notebook gets our kernel, only what one must act upon is logged, and the superuser
(of a container) may run it. It listens on loopback.
"""

import os
import sys
from collections.abc import Sequence

from jupyterlab.labapp import LabApp

DEFAULTS = (
    "--log-level=WARN",
    "--MultiKernelManager.default_kernel_name=bec",
    "--ServerApp.ip=127.0.0.1",
)


def main(words: Sequence[str]) -> None:
    """Run JupyterLab until it is stopped; `words` override our defaults."""
    root = ["--allow-root"] if os.getuid() == 0 else []
    given = {word.partition("=")[0] for word in words}
    ours = [word for word in DEFAULTS if word.partition("=")[0] not in given]
    LabApp.launch_instance([*ours, *root, *words])


if __name__ == "__main__":
    main(sys.argv[1:])
