"""A launcher with small stand-ins for the six services; run as a program.

``stand_in.py launch ARGS…`` is ``python -m bec_services.launcher ARGS…`` with them;
``stand_in.py ROLE`` is one of them. A stand-in whose role is in ``BEC_BROKEN`` ends
at once.
"""

import argparse
import os
import sys
from dataclasses import replace

from bec_kernel.bus import put
from bec_kernel.bus.changes import START
from bec_kernel.instance.folder import Folder
from bec_kernel.service.life import Life, serve
from bec_kernel.wire import SERVICES, Device, Signature, keys
from bec_services.launcher.__main__ import main, service_program
from bec_services.launcher.processes import Program


def body(life: Life) -> None:
    role = life.setup.role
    if role == "scan_server":
        put(life.bus, keys.catalogue(), Signature(name="acquire"), "acquire")
    if role == "device_server":
        device = Device(name="samx", server="main", device_class="Sim")
        put(life.bus, keys.devices("main"), device, "samx")
    for _ in life.follow({keys.alarms(): START}):
        pass


def programs(folder: Folder, options: argparse.Namespace) -> list[Program]:
    def one(role: str) -> Program:
        program = service_program(folder, role, options.virtual, {})
        return replace(program, argv=[sys.executable, __file__, role])

    return [one(role) for role in SERVICES]


if __name__ == "__main__":
    if sys.argv[1] == "launch":
        sys.exit(main(sys.argv[2:], programs))
    if sys.argv[1] in os.environ.get("BEC_BROKEN", "").split():
        sys.exit("it has no hands")
    serve(sys.argv[1], body)
