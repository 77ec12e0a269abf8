"""The JupyterLab side panel: service status, and a stop that needs no kernel.

The panel (``labextension/``, plain JavaScript, nothing to build) asks the Jupyter
server, and the server asks BEC. So it works while the kernel is busy or gone.
"""

from typing import Any

from jupyterlab_bec.handlers import add_handlers

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyterlab_bec"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    add_handlers(server_app.web_app)
