"""The side panel's server half: what it asks BEC, and what it says when BEC is away."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import pytest

from jupyterlab_bec.beamline import InstanceConnection

TOKEN = "token-of-the-test"


@dataclass
class Client:
    """What ``connect()`` returns, as far as the panel uses it."""

    broken: bool = False
    calls: list[str] = field(default_factory=list)

    def stop_all(self) -> None:
        self.calls.append("stop_all")

    def status(self) -> dict[str, object]:
        if self.broken:
            raise ConnectionError("the broker went away")
        return {"services": [{"name": "scan_server"}]}

    def close(self) -> None:
        self.calls.append("close")


def test_the_instance_is_looked_for_when_first_asked_and_then_kept():
    made = []

    def connect():
        made.append(Client())
        return made[-1]

    beamline = InstanceConnection(connect)
    assert made == []
    beamline.stop()
    assert beamline.status() == {"services": [{"name": "scan_server"}]}
    assert [client.calls for client in made] == [["stop_all"]]


def test_after_a_failure_the_instance_is_looked_for_again():
    first, second = Client(broken=True), Client()
    clients = iter([first, second])
    beamline = InstanceConnection(lambda: next(clients))
    with pytest.raises(ConnectionError):
        beamline.status()
    assert first.calls == ["close"]
    beamline.stop()
    assert second.calls == ["stop_all"]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server(tmp_path):
    """A real Jupyter server, whose BEC is at an address where nobody listens."""
    own = {
        f"JUPYTER_{kind}_DIR": str(tmp_path / kind)
        for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    options = {
        "ip": "127.0.0.1",
        "port": 0,
        "open_browser": False,
        "allow_root": True,
        "root_dir": tmp_path,
    }
    command = [sys.executable, "-m", "jupyter_server"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [*command, f"--IdentityProvider.token={TOKEN}"],
        env=os.environ | own | {"BEC_REDIS": "redis://127.0.0.1:1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # Ends at the server's own end, too; the timeout of the test is the deadline.
        lines = iter(process.stderr.readline, "")
        found = (re.search(r"http://127\.0\.0\.1:(\d+)/", line) for line in lines)
        address = next(match for match in found if match)
        # It tells its address a moment before it listens there.
        while not listens(int(address[1])):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        yield address[0]
    finally:
        process.kill()
        process.communicate()


def ask(url: str, method: str, token: str | None) -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"token {token}"} if token else {}
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.processes
def test_the_server_says_why_it_cannot_stop_and_obeys_no_stranger(server):
    for path, method in (("status", "GET"), ("stop", "POST")):
        code, answer = ask(f"{server}bec/{path}", method, TOKEN)
        assert (code, answer["reason"]) == (503, "BEC not reachable")
        assert answer["message"]
        assert ask(f"{server}bec/{path}", method, None)[0] == 403
