"""Where an instance is, and how it is found."""

import json
import os
import stat
import subprocess
import sys

import pytest

from bec_kernel.errors import InstanceError
from bec_kernel.instance import folder as config
from bec_kernel.instance.folder import Folder, Note


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "work" / "data"
    folder.mkdir(parents=True)
    return folder


def noted(data, pid=None):
    note = Note(data, pid or os.getpid(), "unix:///x.sock", virtual=True)
    note.write()
    return note


def dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_the_data_folder_nearest_upwards_is_found(data):
    note = noted(data)
    deep = data.parent / "a" / "b"
    deep.mkdir(parents=True)
    assert config.find_instance(deep) == note


def test_the_only_running_instance_is_found_from_anywhere(data, tmp_path):
    note = noted(data)
    assert config.find_instance(tmp_path) == note


@pytest.mark.processes
@pytest.mark.parametrize("left", ["note", "secrets"])
def test_an_own_instance_that_does_not_run_ends_the_search(data, tmp_path, left):
    note = noted(data)
    own = tmp_path / "home" / "data"
    leave(own, left)
    with pytest.raises(InstanceError, match="no instance runs in") as caught:
        config.find_instance(own.parent / "deeper")
    assert f"bec up --data {own}" in str(caught.value)
    assert str(note.data) in str(caught.value)
    assert config.find_instance(own.parent, elsewhere=True) == note


def leave(folder, what):
    """Leave what an instance leaves behind: a note if it was killed."""
    folder.mkdir(parents=True)
    if what == "note":
        Note(folder, dead_pid(), "unix:///x.sock").write()
    else:
        (folder / "secrets").mkdir()
        (folder / "broker").mkdir()


def test_a_folder_that_is_only_called_data_is_passed_over(data, tmp_path):
    note = noted(data)
    (tmp_path / "home" / "data").mkdir(parents=True)
    assert config.find_instance(tmp_path / "home") == note


def test_several_instances_are_listed(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    noted(data)
    noted(other)
    with pytest.raises(InstanceError, match="several instances run") as caught:
        config.find_instance(tmp_path)
    assert str(data) in str(caught.value)
    assert str(other) in str(caught.value)


def test_without_an_instance_the_command_that_starts_one_is_said(tmp_path):
    with pytest.raises(InstanceError, match=r"start one: bec up"):
        config.find_instance(tmp_path)


@pytest.mark.processes
def test_the_note_of_a_dead_instance_is_not_believed(data, tmp_path):
    noted(data, dead_pid())
    assert config.running_instances() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"data": 1}', "\x00"])
def test_a_spoiled_note_is_not_believed(data, text):
    (data / "instance.json").write_text(text)
    assert config.read_note(data / "instance.json") is None


def test_a_note_is_taken_away_again(data):
    note = noted(data)
    assert json.loads(Folder(data).note.read_text())["pid"] == os.getpid()
    note.remove()
    note.remove()
    assert config.running_instances() == []


def test_only_the_owner_looks_into_the_runtime_folder():
    mode = stat.S_IMODE(config.runtime_folder().stat().st_mode)
    assert mode == 0o700


def test_a_name_of_a_person_is_made_safe(monkeypatch):
    monkeypatch.setenv("BEC_USER", "ada@host/../x y")
    assert config.person() == "ada_host_.._x_y"


def test_a_missing_password_says_whose_and_where(data):
    with pytest.raises(InstanceError, match=r"no password of ada in .*secrets"):
        Folder(data).password("ada")
