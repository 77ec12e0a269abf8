"""Reads a file as others do: the validator of NeXus, and programs that plot."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from nexusformat.nexus import nxload, validate

BEC_SCAN = (
    Path(__file__).parents[3] / "bec_services" / "file_writer" / "bec_scan.nxdl.xml"
)
SETTINGS = """\
files:
  account: p12345
  instrument: hall 7
  source: {name: ring, type: Synchrotron X-ray Source, probe: x-ray}
"""


class _Told(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[str, str]] = []
        self._place = ""

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage().strip()
        if record.levelno in (logging.WARNING, logging.ERROR):
            self.lines.append((self._place, line))
        else:
            self._place = line.rpartition(": ")[2]


@contextmanager
def _listening() -> Iterator[list[tuple[str, str]]]:
    logger, told = validate.logger, _Told()
    kept = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [told], False
    logger.setLevel(logging.WARNING)
    try:
        yield told.lines
    finally:
        logger.handlers, logger.propagate = kept[0], kept[2]
        logger.setLevel(kept[1])


def complaints(
    path: Path, application: str = str(BEC_SCAN), entry: str = "/entry"
) -> list[tuple[str, str]]:
    """What the validator of an application definition says: where, and what."""
    with _listening() as lines, nxload(path) as root:
        one = validate.ApplicationValidator(application)
        try:
            one.validate(root[entry])
        except AttributeError as error:  # at a link that leads nowhere it gives up
            lines.append((entry, str(error)))
    return lines


def definition_complaints() -> list[tuple[str, str, str]]:
    """What is wrong with our own definition."""
    return validate.lint_nxdl(BEC_SCAN)


def base_complaints(path: Path, inside: str = "/") -> list[tuple[str, str]]:
    """What the validator of the base classes says: where, and what.

    Args:
        path: of the file.
        inside: of the group to begin at; into collections it does not look.
    """
    with _listening() as lines:
        validate.validate_file(path, inside)
    return lines


@dataclass
class Shown:
    """What a viewer shows when somebody opens a file."""

    signal: str
    axes: list[str]
    values: npt.NDArray[np.generic]
    places: dict[str, npt.NDArray[np.generic]]
    indices: dict[str, int]
    units: dict[str, str]


def shown(path: Path) -> Shown:
    """Follow @default, then @signal and @axes, as viewers do."""
    with h5py.File(path) as file:
        group = file
        while "default" in group.attrs:
            group = group[group.attrs["default"]]
        assert group.attrs["NX_class"] == "NXdata"
        attrs = dict(group.attrs)
        axes = list(attrs["axes"])
        named = {name.removesuffix("_indices") for name in attrs if "_indices" in name}
        places = {name: group[name][()] for name in named}
        return Shown(
            signal=attrs["signal"],
            axes=axes,
            values=group[attrs["signal"]][()],
            places=places,
            indices={name: int(attrs[f"{name}_indices"][0]) for name in named},
            units={name: group[name].attrs["units"] for name in named},
        )
