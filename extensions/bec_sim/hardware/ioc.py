"""The simulated beamline's Channel Access IOC, on loopback.

`python -m bec_sim.hardware.ioc --prefix SIM: --port 15064` serves
`SIM:m1`, `SIM:m2`... (motor records), `SIM:det1` (a counter), `SIM:scaler1` (a scaler
record) and `SIM:cam1` (a camera that writes files), and says `ready` when it does.
It ends on SIGTERM, and with the process that started it.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from caproto.asyncio.server import Context

from bec_sim.hardware.camera import SimAreaDetector
from bec_sim.hardware.environment import ca_environment
from bec_sim.hardware.motor import SimMotorRecord
from bec_sim.hardware.process import watch_parent
from bec_sim.hardware.repeater import start_repeater
from bec_sim.hardware.scaler import SimCounter
from bec_sim.hardware.scaler_record import SimScalerRecord

_HOST = "127.0.0.1"


class LoopbackContext(Context):
    """caproto's server without Nagle's delay: a put takes 1 ms instead of 40."""

    async def server_accept_loop(self, sock: socket.socket) -> None:
        """Accept connections; they inherit the option from the listening socket."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await super().server_accept_loop(sock)


def build_pvs(prefix: str, motors: int, velocity: float) -> dict[str, Any]:
    """All channels of the IOC by name.

    Args:
        prefix: What all names begin with.
        motors: How many motors, at least 1.
        velocity: Of the motors, mm/s.
    """
    pvs: dict[str, Any] = {}
    records = []
    for number in range(1, motors + 1):
        record = SimMotorRecord(prefix=f"{prefix}m{number}", velocity=velocity)
        pvs.update(record.pvdb)
        pvs[record.prefix] = record.val
        records.append(record)
    first = records[0]

    def where() -> float:
        return float(first.rbv.value)

    scaler = SimScalerRecord(f"{prefix}scaler1", position=where)
    pvs.update(SimCounter(f"{prefix}det1", position=where).pvdb)
    pvs.update(SimAreaDetector(f"{prefix}cam1", position=where).pvdb)
    pvs.update(scaler.pvdb)
    pvs.update(scaler.channels())
    return pvs


async def serve(prefix: str, port: int, motors: int, velocity: float) -> None:
    """Serve until SIGTERM, SIGINT or the end of the parent process."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    watch_parent(loop, over)
    await start_repeater(port + 1)
    context = LoopbackContext(build_pvs(prefix, motors, velocity), [_HOST])
    server = asyncio.create_task(context.run(startup_hook=_say_ready))
    ended = asyncio.create_task(over.wait())
    await asyncio.wait({server, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not server.done():
        server.cancel()
        await asyncio.wait({server}, timeout=2)
    ended.cancel()
    if server.done() and not server.cancelled():
        server.result()  # an error of the server ends the process with its text


async def _say_ready(async_lib: Any) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Simulated Channel Access IOC")
    parser.add_argument("--prefix", default="SIM:", help="of all names")
    parser.add_argument("--port", type=int, required=True, help="UDP and TCP; +1 too")
    parser.add_argument("--motors", type=int, default=2, help="how many")
    parser.add_argument("--velocity", type=float, default=5.0, help="mm/s")
    options = parser.parse_args(argv)
    if options.motors < 1:
        parser.error(f"--motors is {options.motors}, must be at least 1")
    os.environ.update(ca_environment(options.port))
    logging.getLogger("caproto").setLevel(logging.CRITICAL)
    asyncio.run(serve(options.prefix, options.port, options.motors, options.velocity))


if __name__ == "__main__":
    main()
