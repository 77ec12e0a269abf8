"""A motion controller over plain TCP: four axes, one connection, lines of text.

`python -m bec_sim.hardware.controller --port 15080` listens on loopback and
writes `ready` to stdout. It ends on SIGTERM, and with the process that started it.

Each line is `<tag> <command> [<argument>...]`, answered by `<tag> OK ...` or
`<tag> ERR <why>`; the tag is any word of the client's. Axes count from 1.

    STATUS axis             position, target, velocity, low, high (mm, mm/s), moving
    MOVE axis position      begin to move; the answer comes at once
    STOP axis               stop where it is
    VELOCITY axis value     of the next move, mm/s
    CONNECTIONS             how many connections were ever accepted, and refused

By itself it tells `* AT axis position` while an axis moves, then `* DONE axis position`
or `* STOPPED axis position`. A second connection gets `* BUSY` and is closed.
"""

import argparse
import asyncio
import contextlib
import math
import signal
import sys
from collections.abc import Callable, Sequence

from bec_sim.devices.motors import Profile
from bec_sim.hardware.process import watch_parent

AXES = 4
_HOST = "127.0.0.1"
_UPDATE_PERIOD = 0.02
"""Seconds between two positions of a moving axis."""
_RAMP = 0.05
_LOW, _HIGH = -100.0, 100.0

Tell = Callable[[str], None]


class ControllerAxis:
    """One axis: moves, stops, and tells where it is.

    Args:
        number: From 1.
        velocity: mm/s.
        tell: Is given what it has to say.
    """

    def __init__(self, number: int, velocity: float, tell: Tell) -> None:
        self.number = number
        self.velocity = velocity
        self.position = self.target = 0.0
        self._tell = tell
        self._moving: asyncio.Task[None] | None = None

    def status(self) -> str:
        """Return position, target, velocity, limits, and whether it moves."""
        moving = int(self._moving is not None)
        values = (self.position, self.target, self.velocity, _LOW, _HIGH)
        return " ".join([*(repr(value) for value in values), str(moving)])

    def move(self, target: float) -> None:
        """Begin to move.

        Raises:
            ValueError: it cannot go there, or is on its way.
        """
        if not _LOW <= target <= _HIGH:
            raise ValueError(f"position {target:g} is not within {_LOW:g}..{_HIGH:g}")
        if self._moving is not None:
            raise ValueError(f"axis {self.number} is moving")
        self.target = target
        self._moving = asyncio.create_task(self._go(target))

    def set_velocity(self, velocity: float) -> None:
        """Take another velocity from the next move on.

        Raises:
            ValueError: it is not above 0.
        """
        if not 0 < velocity < math.inf:
            raise ValueError(f"velocity {velocity:g} is not above 0")
        self.velocity = velocity

    def stop(self) -> None:
        """Stop where it is."""
        moving, self._moving = self._moving, None
        if moving is not None:
            moving.cancel()
            self.target = self.position
            self._tell(f"* STOPPED {self.number} {self.position!r}")

    async def _go(self, target: float) -> None:
        loop = asyncio.get_running_loop()
        profile = Profile(self.position, target, self.velocity, self.velocity / _RAMP)
        began = loop.time()
        while (left := began + profile.duration - loop.time()) > 0:
            self.position = profile.position(loop.time() - began)
            self._tell(f"* AT {self.number} {self.position!r}")
            await asyncio.sleep(min(_UPDATE_PERIOD, left))
        self.position = target
        self._moving = None
        self._tell(f"* DONE {self.number} {target!r}")


class Controller:
    """Answers one client; counts accepted and refused connections."""

    def __init__(self, velocity: float) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self._accepted = self._refused = 0
        self._axes = [
            ControllerAxis(n, velocity, self._tell) for n in range(1, AXES + 1)
        ]

    async def serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer a client until it leaves; refuse a second one at the same time."""
        if self._writer is not None:
            self._refused += 1
            writer.write(b"* BUSY\n")
            writer.close()
            return
        self._accepted += 1
        self._writer = writer
        try:
            while line := await reader.readline():
                self._tell(self._answer(line.decode("ascii", "replace")))
        except (ConnectionError, ValueError):
            return  # it left in the middle of a line, or sent no end of one
        finally:
            self._writer = None
            writer.close()

    def _tell(self, text: str) -> None:
        if self._writer is not None:
            self._writer.write(f"{text}\n".encode("ascii", "replace"))

    def _answer(self, line: str) -> str:
        tag, *words = line.split() or ["-"]
        try:
            return f"{tag} OK {self._do(words)}".rstrip()
        except ValueError as error:
            return f"{tag} ERR {error}"

    def _do(self, words: list[str]) -> str:
        match words:
            case ["CONNECTIONS"]:
                return f"{self._accepted} {self._refused}"
            case ["STATUS", axis]:
                return self._axis(axis).status()
            case ["MOVE", axis, position]:
                self._axis(axis).move(float(position))
            case ["VELOCITY", axis, velocity]:
                self._axis(axis).set_velocity(float(velocity))
            case ["STOP", axis]:
                self._axis(axis).stop()
            case _:
                raise ValueError(f"no such command: {' '.join(words):.40}")
        return ""

    def _axis(self, word: str) -> ControllerAxis:
        number = int(word) if word.isdigit() else 0
        if not 1 <= number <= AXES:
            raise ValueError(f"no axis {word:.20}: there are 1 to {AXES}")
        return self._axes[number - 1]


async def serve(port: int, velocity: float) -> None:
    """Serve until SIGTERM, SIGINT or the end of the parent process."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    watch_parent(loop, over)
    controller = Controller(velocity)
    server = await asyncio.start_server(controller.serve_client, _HOST, port)
    with contextlib.closing(server):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await over.wait()


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Simulated motion controller")
    parser.add_argument("--port", type=int, required=True, help="TCP")
    parser.add_argument("--velocity", type=float, default=10.0, help="mm/s")
    options = parser.parse_args(argv)
    asyncio.run(serve(options.port, options.velocity))


if __name__ == "__main__":
    main()
