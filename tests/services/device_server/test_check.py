"""A device list is checked without an instance: what is found."""

from pathlib import Path

from bec_services.device_server import check

LISTS = Path(__file__).with_name("lists")
BAD = """\
samx: {deviceClass: ophyd_devices.SimPositioner, readoutPriority: baseline}
fast:
  deviceClass: ophyd_devices.SimPositioner
  deviceConfig: {velocity: fast}
  readoutPriority: baseline
typo:
  deviceClass: ophyd.EpicsMotor
  deviceConfig: {prefix: "X:m1", limts: [0, 1]}
  readoutPriority: baseline
gone: {deviceClass: ophyd.sim.Gone, readoutPriority: baseline, needs: [dark]}
dark:
  deviceClass: bec_sim.SimPositioner
  readoutPriority: baseline
  enabled: false
"""


def test_all_that_is_wrong_is_said_one_line_each(tmp_path, capsys):
    path = tmp_path / "list.yaml"
    path.write_text(BAD)
    assert check.main([str(path)]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "gone needs dark, which is disabled"
    said = {line.split(" ")[0].rstrip(":"): line for line in lines[1:]}
    assert set(said) == {"fast", "typo", "gone"}
    assert "velocity is 'fast', must be one finite number" in said["fast"]
    assert "'limts'" in said["typo"]
    assert "not a device class" in said["gone"]
    assert err == "bec: 5 devices, 3 problems\n"


def test_becs_own_list_has_no_problem(capsys):
    assert check.main([str(LISTS / "bec_demo.yaml")]) == 0
    assert capsys.readouterr().out == "216 devices, no problem\n"


def test_a_mistake_in_the_file_is_said(tmp_path, capsys):
    path = tmp_path / "list.yaml"
    path.write_text("samx: {deviceClass: a.b}\n")
    assert check.main([str(path)]) == 1
    assert "list.yaml:1: samx: readoutPriority" in capsys.readouterr().err
