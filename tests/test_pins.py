"""The exact versions: one list, written twice, for pip and for uv."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = [Requirement(line) for line in LINES]


def requirements() -> list[Requirement]:
    """Every requirement of the project: its own, of extras and of groups."""
    lists = [PROJECT["project"]["dependencies"]]
    lists += PROJECT["project"]["optional-dependencies"].values()
    lists += PROJECT["dependency-groups"].values()
    return [Requirement(line) for lines in lists for line in lines]


def test_pip_and_uv_are_given_the_same_versions():
    assert PROJECT["tool"]["uv"]["constraint-dependencies"] == LINES, "run: .ci/pins"


def test_a_pin_is_a_name_and_a_version_without_an_address():
    for line in LINES:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line), line


def test_every_requirement_is_pinned_to_a_version_it_admits():
    # Among them the extra for BEC's devices, at a version of today: it shares its
    # libraries with everything else in the list.
    pinned = {pin.name: str(pin.specifier).removeprefix("==") for pin in PINS}
    for wanted in requirements():
        assert pinned[wanted.name] in wanted.specifier, str(wanted)
