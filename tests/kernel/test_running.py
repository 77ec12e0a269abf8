"""Which instance a command acts on: never one that nobody meant."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bec_kernel.bus.changes import Append, Id
from bec_kernel.cli import instances
from bec_kernel.cli.app import app
from bec_kernel.client import Client
from bec_kernel.errors import InstanceError
from bec_kernel.instance.folder import Note
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import Alarm, keys


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("BEC_DATA", raising=False)


@pytest.fixture
def elsewhere(tmp_path):
    """The user's only running instance."""
    folder = tmp_path / "far" / "data"
    folder.mkdir(parents=True)
    Note(folder, os.getpid(), "unix:///x.sock").write()
    return folder


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The folder of an instance that has run below where we are."""
    folder = tmp_path / "home" / "data"
    for part in ("secrets", "broker"):
        (folder / part).mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    return folder


@pytest.mark.parametrize(
    "words", [["stop"], ["down"], ["scan", "mv", "samx", "1"], ["scan", "--list"]]
)
def test_what_acts_does_not_act_on_an_instance_elsewhere(elsewhere, stopped, words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert f"no instance runs in {stopped}" in done.output
    assert f"elsewhere runs {elsewhere}" in done.output
    assert "--data" in done.output


def test_who_only_looks_sees_the_one_elsewhere_and_is_told(elsewhere, stopped, capsys):
    note = instances.the_instance(None, elsewhere=True)
    assert note.data == elsewhere
    instances.say_if_elsewhere(note.data, None)
    said = capsys.readouterr().err
    assert f"no instance runs in {stopped}; this is the one in {elsewhere}" in said


def test_an_instance_is_started_in_the_folder_that_is_used(elsewhere, stopped):
    assert instances.folder(None) == stopped
    with instances.instance(elsewhere, [], print) as found:
        assert found == (elsewhere, False)


def test_where_nothing_has_run_the_only_instance_is_meant(
    elsewhere, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert instances.folder(None) == instances.the_instance(None).data == elsewhere
    instances.say_if_elsewhere(elsewhere, elsewhere)
    assert capsys.readouterr().err == ""


def test_without_any_instance_one_is_started_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert instances.folder(None) == Path("data")


def test_the_environment_names_the_instance_of_a_lab(elsewhere, stopped, monkeypatch):
    monkeypatch.setenv("BEC_REDIS", "unix://ada:secret@/x.sock")
    with pytest.raises(InstanceError, match=r"BEC_REDIS.*BEC_DATA.*--data"):
        instances.the_instance(None)
    monkeypatch.setenv("BEC_DATA", str(elsewhere))
    assert instances.the_instance(None).data == elsewhere


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_cannot_be_is_said_in_one_line(tmp_path, port):
    words = ["up", "--data", str(tmp_path / "data"), "--port", port]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert done.output.strip() == (
        f"bec: --port is a number from 1 to 65535, or 0 for any free one, not {port}"
    )


def test_the_shell_lists_alarms(tmp_path, monkeypatch):
    bus = MemoryBus(user="ada")
    for number, user in enumerate(("ada", "bob")):
        alarm = Alarm(
            alarm_id=str(number),
            service="scihub",
            severity="minor",
            message=f"of {user}",
            time=1.0,
            user=user,
        )
        bus.commit([Append(keys.alarms(), alarm, Id(number + 1))])
    monkeypatch.setattr("bec_kernel.client.connect", lambda data: Client(bus))
    shown = CliRunner().invoke(app, ["alarms"]).output
    assert "of ada" in shown
    assert "of bob" not in shown
    assert "of bob" in CliRunner().invoke(app, ["alarms", "--all"]).output
    assert "no scan 7" in CliRunner().invoke(app, ["alarms", "--scan", "7"]).output
