"""What is wrong at the start is said in one line, with its place."""

import signal
import socket
import subprocess
import sys

import pytest

from bec_kernel.client import connect
from bec_kernel.errors import BrokerError

BEC = [sys.executable, "-c", "from bec_kernel.cli import main; main()"]


def bec(*words) -> str:
    done = subprocess.run(
        [*BEC, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def test_a_broker_that_is_not_there_is_named_with_the_command_that_starts_one(
    monkeypatch,
):
    port = free_port()
    with pytest.raises(BrokerError) as missed:
        connect(url=f"redis://ada:secret@127.0.0.1:{port}")
    monkeypatch.setenv("BEC_REDIS", f"redis://ada:secret@127.0.0.1:{port}")
    for said in (str(missed.value), bec("scan", "acquire")):
        assert f"127.0.0.1:{port}" in said
        assert "bec up" in said
        assert "secret" not in said


def test_a_service_says_at_once_what_it_waits_for_and_ends_with_ctrl_c(tmp_path):
    place = f"127.0.0.1:{free_port()}"
    words = ["service", "file_writer", "--data", tmp_path]
    url = f"redis://file_writer:secret@{place}"
    running = subprocess.Popen(
        [*BEC, *words, "--redis", url], stderr=subprocess.PIPE, text=True
    )
    said = running.stderr.readline()
    running.send_signal(signal.SIGINT)
    rest = running.communicate(timeout=30)[1]
    assert said.startswith(f"file_writer/main: no broker at redis://{place}: ")
    assert "bec up" in said
    assert "secret" not in said
    assert (running.returncode, rest) == (0, "")


def test_a_port_in_use_is_said_at_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = bec("up", "--data", tmp_path / "data", "--port", port)
    assert f"port {port}" in said
    assert "--port" in said


@pytest.mark.parametrize("where", ["/proc/bec", "file"])
def test_a_data_folder_that_cannot_be_written_is_said_at_start(tmp_path, where):
    folder = tmp_path / where
    if where == "file":
        folder.write_text("")
    said = bec("up", "--data", folder)
    assert str(folder) in said
    assert "--data" in said


LISTS = {
    "samx:\n  deviceClass: [\n": ":3: ",
    "samx:\n  deviceClass: a\n  readoutPriority: async\n  enabbled: 1\n": (
        ":4: samx: enabbled: no such field: did you mean enabled?"
    ),
}


@pytest.mark.parametrize("text", LISTS)
def test_a_device_list_that_is_wrong_is_said_at_start_with_its_place(tmp_path, text):
    path = tmp_path / "devices.yaml"
    path.write_text(text)
    said = bec("up", "--data", tmp_path / "data", "--devices", path)
    assert str(path) in said
    assert LISTS[text] in said
