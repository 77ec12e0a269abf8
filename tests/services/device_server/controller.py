"""Start and end the process that plays a TCP motor controller."""

import socket
import subprocess
import sys


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def start_controller(port, velocity="50"):
    words = ["-m", "bec_sim.hardware.controller", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *words, "--velocity", velocity],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def end(process):
    process.kill()
    process.wait(5)
    process.stdout.close()
