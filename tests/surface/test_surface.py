"""What people type, import, set and find in files: compared with what is stored."""

import hashlib
import importlib.metadata
import inspect
import json
import re
import sys
import tomllib

import pytest

import bec_kernel.client
import bec_kernel.errors
from bec_kernel.wire import RULES
from tests.surface import sources
from tests.surface.differences import COMMAND, PLAIN_TERMINAL, message
from tests.surface.objects import described, parameters

NOTEBOOKS = sorted((sources.ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def bec(monkeypatch, capsys, tmp_path):
    """Run `bec` in this process, on a terminal 80 wide and without colour."""
    monkeypatch.chdir(tmp_path)
    for name, value in PLAIN_TERMINAL.items():
        monkeypatch.setenv(name, value)
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="bec")
    main = entry.load()

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["bec", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    return run


def test_the_commands_and_their_options(bec, compare):
    own = bec("--help")
    commands = re.findall(r"^  (\w[\w-]*)  ", own.partition("Commands:")[2], re.M)
    assert len(commands) > 9
    helps = {name: bec(name, "--help") for name in commands}
    texts = [f"===== bec --help\n{own}"]
    texts += [f"===== bec {name} --help\n{text}" for name, text in helps.items()]
    compare("commands.txt", "\n".join(texts))


def test_what_is_imported_from_the_client(compare):
    names = sorted(bec_kernel.client.__all__)
    kinds = {name: getattr(bec_kernel.client, name) for name in names}
    texts = [
        described(name, one) if inspect.isclass(one) else f"# {name}{parameters(one)}\n"
        for name, one in kinds.items()
    ]
    compare("client.txt", "\n".join(texts))


def test_the_errors_that_programs_catch(compare):
    found = vars(bec_kernel.errors).items()
    errors = {n: one for n, one in found if inspect.isclass(one) and n[0] != "_"}
    lines = [
        f"{name}: {' '.join(base.__name__ for base in one.__mro__[1:-1])}"
        for name, one in sorted(errors.items())
        if issubclass(one, BaseException)
    ]
    compare("errors.txt", "\n".join(lines) + "\n")


def test_the_keys_of_settings_and_device_lists(compare):
    settings = sources.model_with("device_servers", "keep_points")
    device = sources.model_with("deviceClass", "readoutPriority")
    compare("settings.txt", "\n".join(sources.keys_of(settings)) + "\n")
    compare("device_list.txt", "\n".join(sources.keys_of(device)) + "\n")


def test_the_environment_variables(compare):
    compare("environment.txt", "\n".join(sources.variables()) + "\n")


def test_the_entry_points_that_are_read_and_declared(compare):
    project = tomllib.loads((sources.ROOT / "pyproject.toml").read_text())["project"]
    assert set(project.get("entry-points", {})) <= {*sources.groups()}
    mine = importlib.metadata.distribution(project["name"]).entry_points
    # Where a group's entries lead is inside; where a command's does is stored too.
    declared = [
        f"declared: {one.group}: {one.name}"
        + (f" = {one.value}" if one.group == "console_scripts" else "")
        for one in sorted(mine)
    ]
    read = [f"read: {group}" for group in sources.groups()]
    compare("entry_points.txt", "\n".join([*read, *declared]) + "\n")


def test_the_keys_in_redis(compare):
    rows = sorted(
        f"{rule.pattern}: {rule.kind} of {messages(rule.message)}, "
        f"written by {', '.join(rule.writers)}, read by {rule.readers}"
        for rule in RULES
    )
    compare("redis_keys.txt", "\n".join(rows) + "\n")


def messages(kind):
    """Return the names of the messages of a union, or of one."""
    return " | ".join(one.__name__ for one in getattr(kind, "__args__", (kind,)))


def test_the_stored_outputs_of_the_notebooks(compare):
    lines = []
    for path in NOTEBOOKS:
        for number, cell in enumerate(json.loads(path.read_text())["cells"]):
            if cell["cell_type"] == "code":
                lines.append(f"{path.name} cell {number}: {digests(cell['outputs'])}")
    compare("notebooks.txt", "\n".join(lines) + "\n")


def digests(outputs):
    """Return kind and digest of each output of a cell."""
    found = []
    for one in outputs:
        kinds = " ".join(sorted(one.get("data", {}))) or one.get("name", "")
        text = json.dumps(one, sort_keys=True).encode()
        digest = hashlib.sha256(text).hexdigest()[:16]
        found.append(f"{one['output_type']} {kinds} {digest}")
    return "; ".join(found) or "nothing"


def test_a_difference_is_shown_in_short_with_the_command_that_stores_it():
    wanted = "".join(f"line {n}\n" for n in range(200))
    said = message("some.txt", wanted, wanted.replace("line 7\n", "line seven\n"))
    assert "\nline 8:\n-line 7\n+line seven\n" in said
    assert COMMAND in said
    assert len(message("some.txt", wanted, "").splitlines()) < 40


def test_of_a_long_line_the_part_that_differs_is_shown():
    line = f"the beginning {'x' * 1000} 1 {'y' * 1000}"
    said = message("some.txt", line, line.replace(" 1 ", " 2 "))
    assert " 1 " in said
    assert " 2 " in said
    assert said.count("the beginning") == 2
    assert len(said) < 1000
