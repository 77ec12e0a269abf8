"""A device list is checked: what is wrong is said with file, line, device and field."""

import re

import pytest

from bec_kernel.device_list import DeviceListError, get_simulation
from bec_kernel.device_list.reading import load_list

GOOD = """\
samx:
  deviceClass: ophyd.EpicsMotor
  deviceConfig: {prefix: "X:m1", limits: [-1, 1]}
  readoutPriority: baseline
  deviceTags: [sample]
det:
  deviceClass: a.b
  readoutPriority: monitored
  softwareTrigger: true
  onFailure: buffer
"""
HEAD = "samx:\n  deviceClass: a.b\n  readoutPriority: baseline\n"


def listed(folder, text, name="list.yaml"):
    path = folder / name
    path.write_text(text)
    return path


def test_devices_come_in_their_order_with_defaults(tmp_path):
    found = load_list(listed(tmp_path, GOOD))
    assert list(found) == ["samx", "det"]
    assert found["samx"].deviceConfig == {"prefix": "X:m1", "limits": [-1, 1]}
    assert found["samx"].enabled
    assert found["samx"].onFailure == "retry"
    assert found["det"].onFailure == "buffer"


def test_a_folder_is_the_sum_of_its_files(tmp_path):
    listed(tmp_path, GOOD, "a.yaml")
    listed(tmp_path, HEAD.replace("samx", "samy"), "b.yml")
    assert list(load_list(tmp_path)) == ["samx", "det", "samy"]


def test_the_lists_that_come_with_the_system_are_good():
    for virtual in (False, True):
        assert load_list(get_simulation().demo_list(virtual=virtual))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("samx: [\n", 2, "expected the node content"),
        ("samx:\n\tdeviceClass: a\n", 2, "cannot start any token"),
        (HEAD + "  enabled: maybe\n", 4, "samx: enabled: .*boolean.*not 'maybe'"),
        (HEAD + "  onFailure: panic\n", 4, "samx: onFailure: .*'raise'.*'panic'"),
        (HEAD + "  enabbled: true\n", 4, "samx: enabbled: no such field.*enabled"),
        (HEAD + "  deviceTags: sample\n", 4, "samx: deviceTags: .*list"),
        ("samx:\n  deviceClass: a.b\n", 2, "samx: readoutPriority: .*required"),
        ("samx: 5\n", 1, "samx: "),
        ("samx:\n", 1, "samx: "),
        (HEAD + HEAD, 4, "samx is listed already in line 1"),
        ("sam x:\n  a: 1\n", 1, "'sam x' is not a valid device name"),
        ("_x:\n  a: 1\n", 1, "'_x' is not a valid device name"),
        ("1:\n  a: 1\n", 1, "'1' is not a valid device name"),
        ("samx:\n  deviceClass: !!python/name:os.system\n", 1, "could not determine"),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path, text, line, said):
    path = listed(tmp_path, text)
    with pytest.raises(DeviceListError) as error:
        load_list(path)
    first = str(error.value).splitlines()[0]
    assert first.startswith(f"{path}:{line}: ")
    assert re.search(said, str(error.value))


@pytest.mark.parametrize("text", ["", "- samx\n", "samx\n", "5\n"])
def test_what_is_no_mapping_is_no_device_list(tmp_path, text):
    with pytest.raises(DeviceListError, match="a mapping from names to devices"):
        load_list(listed(tmp_path, text))


def test_bytes_that_are_no_text_are_said(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_bytes(b"\xff\xfe\x00samx: 1")
    with pytest.raises(DeviceListError, match=re.escape(str(path))):
        load_list(path)


def test_a_list_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DeviceListError, match="No such file"):
        load_list(tmp_path / "nowhere.yaml")
    with pytest.raises(DeviceListError, match=r"no \*\.yaml in"):
        load_list(tmp_path)
