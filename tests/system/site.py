"""Install the example beamline beside an instance."""

import os
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "extensions" / "example_beamline"


def installed(place: Path) -> str:
    """Return what PYTHONPATH must be for the example to be installed."""
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    info = place / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    about = {"Name": project["name"], "Version": project["version"]}
    lines = [f"{name}: {value}" for name, value in about.items()]
    info.joinpath("METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]))
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in own.items())])
        for group, own in project["entry-points"].items()
    ]
    info.joinpath("entry_points.txt").write_text("\n".join(groups))
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(FOLDER), str(place), *([before] if before else [])])
