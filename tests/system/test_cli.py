"""The `bec` command: an instance from its start to its end, at a shell."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from bec_kernel.cli.app import app
from bec_kernel.instance.folder import Folder, read_note
from bec_kernel.wire import SERVICES
from tests.waiting import until

COMMANDS = [
    "up",
    "down",
    "status",
    "logs",
    "lab",
    "scan",
    "history",
    "queue",
    "stop",
    "service",
    "demo",
    "check",
]
BEC = [sys.executable, "-c", "from bec_kernel.cli import main; main()"]


def bec(*words, code=0, cwd=None, **environment) -> str:
    """Run `bec` and return what it printed; of an error, its one line."""
    done = subprocess.run(
        [*BEC, *map(str, words)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if code:
        assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr if code else done.stdout


def processes_of(data: Path) -> list[str]:
    """Command lines of all that still works for this instance."""
    found = []
    for one in psutil.process_iter():
        try:
            mine = one.environ().get("BEC_DATA") == str(data)
            line = " ".join(one.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if mine or str(data) in line:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The data folder of a running instance of the simulated beamline."""
    folder = tmp_path_factory.mktemp("cli") / "data"
    said = bec("up", "--detach", "--data", folder)
    assert "devices: the simulated beamline" in said
    assert f"running in {folder}" in said
    yield folder
    assert str(folder) in bec("down", "--data", folder)
    assert processes_of(folder) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command):
    said = CliRunner().invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert f"Example: bec {command}" in said.output


def test_the_services_one_may_run_are_named_and_no_password_on_a_command_line():
    said = bec("service", "--help")
    assert all(name in said for name in SERVICES)
    assert "BEC_REDIS" in said
    assert "--redis redis" not in said


def test_the_version_is_said_and_no_summary_is_cut_off():
    assert re.fullmatch(r"bec \d+\.\d+.*\n", bec("--version"))
    assert "..." not in bec("--help").partition("Commands:")[2]


# --- without an instance -------------------------------------------------------------
@pytest.mark.parametrize("words", [["status"], ["down"], ["stop"], ["scan", "mv"]])
def test_without_an_instance_the_command_that_starts_one_is_said(words, tmp_path):
    with_data = [words[0], "--data", tmp_path, *words[1:]]
    assert "bec up" in bec(*with_data, code=1)


def test_an_unknown_service_is_said_with_the_nearest(tmp_path):
    said = bec("service", "file_write", "--data", tmp_path, code=1)
    assert "did you mean file_writer?" in said


def test_a_yaml_error_is_said_with_file_and_line(tmp_path):
    path = tmp_path / "devices.yaml"
    path.write_text("samx:\n  deviceClass: [\n")
    said = bec("up", "--data", tmp_path / "data", "--devices", path, code=1)
    assert f"{path}:3:" in said


def test_a_device_list_is_checked_without_an_instance(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("samx: {deviceClass: ophyd.Nothing, readoutPriority: baseline}\n")
    assert bec("check", path, code=1) == "bec: 1 device, 1 problem\n"


def test_a_missing_device_list_is_said(tmp_path):
    path = tmp_path / "nowhere.yaml"
    assert str(path) in bec("up", "--data", tmp_path, "--devices", path, code=1)


# --- with one ------------------------------------------------------------------------
def test_a_second_up_says_where_the_first_one_runs(data):
    said = bec("up", "--data", data, code=1)
    assert str(data) in said
    assert f"pid {read_note(Folder(data).note).pid}" in said


def test_status_is_what_programs_read(data):
    found = json.loads(bec("status", "--json", "--data", data))
    assert set(found) == {"services", "broker", "queues", "data", "troubles"}
    assert found["troubles"] == []
    assert found["data"] == str(data)
    assert set(found["broker"]) == {"url", "pid", "restarts"}
    assert len(found["services"]) == 6
    for one in found["services"]:
        wanted = {"name", "pid", "state", "version", "heartbeat_age", "restarts"}
        assert set(one) == wanted
        assert (one["state"], one["restarts"]) == ("running", 0)
        assert psutil.pid_exists(one["pid"])
        assert one["heartbeat_age"] < 5.0


def test_an_instance_is_found_from_the_folder_that_holds_it(data):
    assert str(data) in bec("status", cwd=data.parent)


@pytest.mark.parametrize("motor", ["m1", "samx"])
def test_a_scan_shows_its_points_and_its_file(data, motor):
    said = bec("scan", "--data", data, "line_scan", motor, -1, 1, "--steps", 3)
    title, file = said.splitlines()[-2:]
    assert re.fullmatch(rf"Scan \d+ line_scan {motor} .*: closed, 3 points", title)
    assert Path(file).exists()


def test_a_move_ends_with_where_the_motors_are_and_were(data):
    bec("scan", "--data", data, "mv", "samx", -1, "samy", 0)
    said = bec("scan", "--data", data, "mv", "samx", 1, "samy", 0.5).splitlines()
    assert said == [
        f"on the instance in {data}",
        "samx at 1 mm, was -1 mm",
        "samy at 0.5 mm, was 0 mm",
    ]


def test_the_scans_are_listed_and_explained(data):
    assert "line_scan samx -5 5" in bec("scan", "--data", data, "--list")
    assert "line_scan" in bec("scan", "--help", cwd=data.parent)
    said = bec("scan", "--data", data, "line_scan", "--help")
    assert "--steps" in said
    assert "--metadata" in said


def test_an_option_behind_the_scans_name_is_said(data):
    said = bec("scan", "mv", "samx", 1, "--data", data, code=1)
    assert "before the scan's name" in said


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("line_scam samx -1 1 --steps 3", "line_scam.*line_scan"),
        ("line_scan samxx -1 1 --steps 3", "samxx.*samx"),
        ("line_scan samx -1 1 --step 3", "step.*steps"),
        ("line_scan samx -1 one --steps 3", "one"),
        ("line_scan samx -1 100 --steps 3", "100"),
    ],
)
def test_a_wrong_word_is_one_line_that_names_it(data, line, named):
    said = bec("scan", "--data", data, *line.split(), code=1)
    assert re.search(named, said), said


def test_ctrl_c_aborts_the_scan_and_the_next_one_runs(data):
    words = ["scan", "--data", data, "line_scan", "m1", "-5", "5", "--steps", "200"]
    running = subprocess.Popen(
        [*BEC, *map(str, words), "--exp-time", "0.2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def items():
        found = json.loads(bec("status", "--json", "--data", data))
        return [i for queue in found["queues"] for i in queue["items"]]

    until(lambda: any(item["state"] == "running" for item in items()))
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, out + err
    assert "aborted" in out
    assert "interrupted" in err
    assert items() == []
    bec("scan", "--data", data, "acquire", "--exp-time", "0.01")


def test_stop_needs_no_scan(data):
    assert str(data) in bec("stop", "--data", data).splitlines()[0]


def test_logs_are_shown_by_service_and_in_order(data):
    said = bec("logs", "file_writer", "--data", data)
    assert "life begins" in said
    assert "scihub" not in said
    times = [line[:23] for line in bec("logs", "--data", data).splitlines()]
    assert times == sorted(times)
    assert "there are: " in bec("logs", "nobody", "--data", data, code=1)


# --- the whole way -------------------------------------------------------------------
def test_the_demo_is_stopped_by_ctrl_c_and_works_again_in_the_same_folder(tmp_path):
    data = tmp_path / "data"
    running = subprocess.Popen(
        [*BEC, "demo", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = iter(running.stdout.readline, "")
    assert next(line for line in said if line.startswith("scan "))  # it uses m1 now
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=40)
    assert running.returncode == 130, err
    assert f"stopping    the instance in {data}" in out
    assert processes_of(data) == []
    check_demo(data, bec("demo", "--data", data))


def check_demo(data, said):
    """Every stage has its line, and nothing of it is left."""
    wanted = [
        "starting",
        "ready",
        "scan",
        "fit",
        "move",
        "file",
        "database",
        "stopping",
    ]
    wanted += ["took", "go"]
    begins = [line.partition(" ")[0] for line in said.splitlines()]
    assert [word for word in begins if word in wanted] == wanted
    assert "closed, 41 points" in said
    assert "Gaussian of ct1: center" in said
    moved = re.search(r"move +m1 to the centre, (\S+)", said)
    assert moved
    assert abs(float(moved[1])) < 0.1  # where the counter of the IOC has its peak
    assert re.search(r"database .*scan \d, closed, 41 points", said)
    assert "bec lab" in said
    file = re.search(r"file +(\S+)", said)
    assert file
    assert Path(file[1]).exists()
    assert processes_of(data) == []


@pytest.mark.chaos
def test_the_demo_uses_a_running_instance_and_leaves_it_running(data):
    pid = read_note(Folder(data).note).pid
    assert "goes on running" in bec("demo", "--data", data)
    assert read_note(Folder(data).note).pid == pid


@pytest.mark.chaos
@pytest.mark.parametrize("moment", [0.3, 2.0, 5.0])
def test_ctrl_c_in_the_demo_leaves_nothing_behind(tmp_path, moment):
    data = tmp_path / "data"
    running = subprocess.Popen(
        [*BEC, "demo", "--data", str(data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    threading.Event().wait(moment)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=40)
    assert running.returncode == 130 or moment < 1.0, err  # while Python starts
    assert processes_of(data) == []


def test_ctrl_c_is_no_traceback_while_the_command_is_imported():
    interrupted = """
import sys

class Interrupted:
    def find_spec(self, name, *_):
        if name == "bec_kernel.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from bec_kernel.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", interrupted], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_up_in_the_foreground_ends_with_ctrl_c(tmp_path):
    running = subprocess.Popen(
        [*BEC, "up", "--virtual", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = [running.stdout.readline(), running.stdout.readline()]
    assert f"running in {tmp_path}" in lines[-1]
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
    log = (Folder(tmp_path).logs / "launcher.jsonl").read_text()
    assert '"ready"' in log
    assert "had to be killed" not in log  # all ended by themselves, and at once
    assert processes_of(tmp_path) == []
