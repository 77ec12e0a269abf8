"""Start the process that plays an EPICS IOC."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def free_port():
    """A port that is free for TCP, and it and the next for UDP."""
    for _ in range(50):
        with (
            socket.socket() as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
            socket.socket(type=socket.SOCK_DGRAM) as repeater,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
                repeater.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
    pytest.fail("no free port found")


def start_ioc(port, *options):
    ioc = subprocess.Popen(
        [
            sys.executable,
            *("-m", "bec_sim.hardware.ioc"),
            *("--port", str(port), *options),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert ioc.stdout.readline() == "ready\n"
    return ioc
