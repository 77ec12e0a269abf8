"""What the pages show works: their snippets are run, their words and links exist."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from IPython.testing.globalipapp import get_ipython
from typer.testing import CliRunner

from bec_kernel.cli.app import app
from bec_kernel.client import connect
from bec_kernel.device_list.reading import load_list
from bec_kernel.instance.folder import Folder, person
from bec_magics import load_ipython_extension, unload_ipython_extension
from bec_magics.setup.instance import PrivateInstance

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "extensions" / "example_beamline"
SITE_SCAN = EXAMPLE / "example_beamline" / "scans.py"
DECISIONS = ROOT / "docs" / "decisions"
RUN = [ROOT / "README.md", ROOT / "docs" / "architecture.md"]
PAGES = [
    *RUN,
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "README.md",
    DECISIONS / "README.md",
    EXAMPLE / "README.md",
]
BEGIN_OF_CLASS = "class "
FROM_THERE_AND_BACK = "there_and_back"  # only where the example is installed


FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def snippets_of(page: Path) -> list[Snippet]:
    text = page.read_text()
    found = FENCE.finditer(text)
    return [
        Snippet(page, text[: m.start()].count("\n") + 1, *m.groups()) for m in found
    ]


def snippets(language: str, pages: list[Path]) -> list[Snippet]:
    return [one for p in pages for one in snippets_of(p) if one.language == language]


PYTHON = snippets("python", RUN)
IN_IPYTHON = snippets("ipython", RUN)
SHELL = [
    (str(snippet), command.strip().removeprefix("uv run ").strip())
    for snippet in snippets("sh", PAGES)
    for line in snippet.text.splitlines()
    for command in line.split("&&")
]
BEC = [(where, words) for where, words in SHELL if words.startswith("bec ")]
IN_TEXT = [
    (page.name, words)
    for page in PAGES
    for words in re.findall(r"`(bec [a-z][^`\n]*)`", page.read_text())
]


@pytest.fixture(scope="module")
def beamline():
    """A private instance in virtual time, found by `connect()` as a person finds it."""
    instance = PrivateInstance(virtual=True)
    with pytest.MonkeyPatch.context() as patch, instance.connect() as client:
        user = person()
        password = Folder(instance.data).password(user)
        place = client.url.split("://", 1)[1]
        patch.setenv("BEC_REDIS", f"redis://{user}:{password}@{place}")
        patch.setenv("BEC_DATA", str(instance.data))
        client.ready()
        yield client
    instance.stop()


# --- python --------------------------------------------------------------------------
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_python_snippets_run_one_after_the_other(beamline, page, capsys):
    names: dict[str, Any] = {}
    ran = 0
    for snippet in PYTHON:
        if snippet.page == page and not snippet.text.startswith(BEGIN_OF_CLASS):
            exec(compile(snippet.text, str(snippet), "exec"), names)  # noqa: S102
            ran += 1
    names["bec"].close()
    assert ran
    assert capsys.readouterr().out


def test_the_scan_that_is_shown_is_the_one_in_the_example():
    shown = [one.text for one in PYTHON if one.text.startswith(BEGIN_OF_CLASS)]
    assert shown
    for text in shown:
        assert text.strip() in SITE_SCAN.read_text()


def test_magics_that_are_shown_work(beamline, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = get_ipython() or InteractiveShell.instance()
    load_ipython_extension(shell)
    try:
        for line in "".join(one.text for one in IN_IPYTHON).splitlines():
            if not line.startswith("%load_ext"):
                shell.run_cell(line).raise_error()
    finally:
        unload_ipython_extension(shell)
    assert IN_IPYTHON


# --- shell ---------------------------------------------------------------------------
def test_there_are_commands_to_check():
    assert len(BEC) > 5
    assert any(words == "bec demo" for _, words in BEC)


@pytest.mark.parametrize(("where", "words"), BEC + IN_TEXT)
def test_a_command_that_is_shown_exists_with_its_options(where, words):
    _, command, *rest = words.split()
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0, told.output
    if command != "scan":
        for option in (word for word in rest if word.startswith("-")):
            assert re.search(rf"(^|[\s,]){option}\b", told.output), option


SCANS = [words for _, words in BEC if words.startswith("bec scan ")]


@pytest.mark.parametrize("words", SCANS)
def test_a_scan_that_is_shown_is_understood(beamline, words):
    line = words.removeprefix("bec scan ")
    if line.startswith(FROM_THERE_AND_BACK):
        line = line.replace(FROM_THERE_AND_BACK, "line_scan")  # the same words
    request = beamline.parse(line)
    assert request.name in beamline.scans.catalogue()


def test_every_fence_says_its_language_if_it_is_run():
    plain = [str(one) for page in RUN for one in snippets_of(page) if not one.language]
    assert plain == []


# --- lists and links -----------------------------------------------------------------
@pytest.mark.parametrize("snippet", snippets("yaml", RUN), ids=str)
def test_a_device_list_that_is_shown_can_be_loaded(snippet, tmp_path):
    path = tmp_path / "devices.yaml"
    path.write_text(snippet.text)
    assert set(load_list(path)) == set(yaml.safe_load(snippet.text))


LINKS = [
    (page, target)
    for page in PAGES
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    if "://" not in target
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_a_link_leads_somewhere(page, target):
    assert (page.parent / target).exists()


FILES = sorted(set(re.findall(r"`((?:bec_|tests/)[\w/]+\.py)", RUN[1].read_text())))


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_named_is_there(path):
    assert (ROOT / path).exists()


def test_the_index_of_decisions_lists_every_record():
    records = {path.name for path in DECISIONS.glob("[0-9]*.md")}
    listed = re.findall(r"\]\((\d[^)]*\.md)\)", (DECISIONS / "README.md").read_text())
    assert sorted(listed) == sorted(records)


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")),
    ids=lambda p: p.stem,
)
def test_a_link_between_decisions_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        assert "://" in target or (path.parent / target).exists(), target


def test_what_is_compared_is_the_running_one(beamline):
    with connect() as found:
        assert found.status()["virtual"]
