"""``GET /bec/status`` and ``POST /bec/stop`` on the Jupyter server."""

import datetime
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import gen, ioloop, util, web

from jupyterlab_bec.beamline import InstanceConnection

T = TypeVar("T")

DEADLINE = datetime.timedelta(seconds=10)
"""Longest a browser waits for an answer."""


def add_handlers(web_app: Any, beamline: InstanceConnection | None = None) -> None:
    """Serve the side panel's two addresses.

    Args:
        web_app: the Jupyter server's tornado application.
        beamline: what answers; by default the instance ``connect()`` finds.
    """
    asked = {"beamline": beamline or InstanceConnection(_connect)}
    base = web_app.settings["base_url"]
    web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "bec", "status"), _Status, asked),
            (url_path_join(base, "bec", "stop"), _Stop, asked),
        ],
    )


def _connect() -> Any:
    from bec_kernel.client import connect  # a server without a beamline starts fast

    return connect()


class _Panel(APIHandler):
    def initialize(self, beamline: InstanceConnection) -> None:
        self.beamline = beamline

    async def answer(self, question: Callable[[], T]) -> T:
        """Ask in a worker thread; what fails becomes one line for the person."""
        loop = ioloop.IOLoop.current()
        try:
            asked = loop.run_in_executor(None, question)
            answer: T = await gen.with_timeout(DEADLINE, asked)
        except util.TimeoutError as error:
            seconds = DEADLINE.total_seconds()
            message = f"BEC did not answer within {seconds:.0f} s"
            raise web.HTTPError(504, message, reason=message) from error
        except Exception as error:  # the boundary: shown in the panel
            # An HTTP reason is one line; the log of the server has the whole.
            self.log.warning("BEC side panel: %s", error, exc_info=True)
            message = " ".join(str(error).split()) or type(error).__name__
            raise web.HTTPError(503, message, reason="BEC not reachable") from error
        return answer

    def reply(self, answer: Any) -> None:
        """Send ``answer`` as JSON."""
        self.finish(msgspec.json.encode(answer, enc_hook=str))


class _Status(_Panel):
    @web.authenticated
    async def get(self) -> None:
        """Services, queues and broker."""
        self.reply(await self.answer(self.beamline.status))


class _Stop(_Panel):
    @web.authenticated
    async def post(self) -> None:
        """Stop every device."""
        await self.answer(self.beamline.stop)
        self.reply({"stopped": True})
