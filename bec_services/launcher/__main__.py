"""``python -m bec_services.launcher --data DIR``: run one instance."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bec_kernel.device_list import get_simulation
from bec_kernel.errors import BecError
from bec_kernel.instance import Folder, Note, person
from bec_kernel.service import open_journal
from bec_kernel.wire import SERVICES, Users
from bec_services.launcher import device_lists, place
from bec_services.launcher.processes import Program
from bec_services.launcher.supervisor import Launcher
from bec_services.launcher.upgrade import check_version

Programs = Callable[[Folder, argparse.Namespace], list[Program]]


def main(argv: Sequence[str] | None = None, programs: Programs | None = None) -> int:
    """Read the command line and run; return the exit code.

    Prints which devices it loads, then, once everything answers, one line that begins
    with `ready`. An error is one line on stderr.
    """
    options = _parse(argv)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)  # until the loop has its own
    try:
        _run(options, programs or all_programs)
    except BecError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bec_services.launcher")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder")
    parser.add_argument("--virtual", action="store_true", help="virtual clock")
    parser.add_argument("--devices", type=Path, help="device list, or a folder of them")
    parser.add_argument("--sim", type=Path, help="the same, with simulated twins")
    parser.add_argument("--port", type=int, default=0, help="of the broker; 0: any")
    parser.add_argument(
        "--upgrade", action="store_true", help="go on in a folder of an older version"
    )
    parser.add_argument(
        "--with-input", action="store_true", help="stop when standard input ends"
    )
    return parser.parse_args(argv)


def _run(options: argparse.Namespace, programs: Programs) -> None:
    folder = Folder(options.data.resolve())
    with place.taken(folder):
        port = place.broker_port(options.port)
        check_version(folder, _say, upgrade=options.upgrade)
        log = open_journal(folder.path, "launcher")
        table = programs(folder, options)
        rules = device_lists.rules_of(folder, virtual=options.virtual)
        roles = device_lists.roles_of(folder)
        users = Users(
            names=list(roles),
            roles=roles,
            device_servers=list(rules),
            virtual=options.virtual,
            device_rules=dict(rules) if len(rules) > 1 else {},
        )
        note = Note(
            folder.path, os.getpid(), f"redis://127.0.0.1:{port}", options.virtual
        )
        launcher = Launcher(folder, users, table, port, log)
        launcher.stop_with_input = options.with_input
        begun = time.monotonic()

        def ready() -> None:
            seconds = time.monotonic() - begun
            log.info("ready", seconds=round(seconds, 2))
            _say(f"ready {folder.path} {note.url} pid {note.pid} ({seconds:.1f} s)")

        try:
            launcher.start()
            note.write()
            launcher.run(ready)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # it is stopping already
            launcher.stop()
            note.remove()


def all_programs(folder: Folder, options: argparse.Namespace) -> list[Program]:
    """Return the six services, and the simulated IOC where the devices need it."""
    rules = device_lists.rules_of(folder, virtual=options.virtual)
    start = device_lists.choose(
        folder,
        options.sim or options.devices,
        rules,
        _say,
        virtual=options.virtual,
        sim=options.sim is not None,
    )
    _say(f"devices: {start.origin}")
    more = start.environment()
    table = []
    if not options.virtual and start.needs_ioc:
        port = place.ioc_port()
        simulation = get_simulation()
        argv = simulation.ioc_command(port)
        table.append(Program("simulated_ioc", argv, beats=False))
        more |= simulation.client_environment(port)
    for role in SERVICES:
        if role == "device_server":
            for name in rules:
                own = {**more, "BEC_NAME": name}
                table.append(service_program(folder, role, options.virtual, own))
        else:
            table.append(service_program(folder, role, options.virtual, {}))
    return table


def service_program(
    folder: Folder, role: str, virtual: bool, more: dict[str, str]
) -> Program:
    """Return how to start one of the services."""
    passwords = place.secrets(folder, person())
    environment = {
        "BEC_REDIS": f"unix://{role}:{passwords[role]}@{folder.socket}",
        "BEC_DATA": str(folder.path),
        "BEC_NAME": "main",
        "BEC_INSTANCE": "bec",
        "BEC_VIRTUAL": "1" if virtual else "0",
        # Small arrays only: more threads would cost memory and gain nothing.
        "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1"),
    }
    argv = [sys.executable, "-m", f"bec_services.{role}"]
    environment |= more
    name = environment["BEC_NAME"]
    shown = role if name == "main" else f"{role}/{name}"
    return Program(shown, argv, environment)


def _say(line: str) -> None:
    # Whoever started us may not be there any more to read it.
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - stays open


if __name__ == "__main__":
    sys.exit(main())
