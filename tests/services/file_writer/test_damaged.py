"""A file that was damaged on disk holds nobody up: who reads it has a deadline."""

import time

import h5py
import numpy as np
import pytest

from bec_services.file_writer.hdf5.master_file import IDENTITY
from bec_services.file_writer.retention.previous_file import identity, open_previous
from bec_services.file_writer.retention.reader_process import UnreadableError
from bec_services.file_writer.tree.columns import Columns
from tests.services.file_writer.damage import NEVER, spoiled
from tests.services.file_writer.master_files import written
from tests.services.recorded import points_log

PATIENCE = 2.0
ENOUGH = 20.0
POINTS = 3
VALUES = "/entry/collection/devices/samx/samx/value"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with written(folder, points_log(POINTS)) as file:
        return folder.joinpath(file.filename).read_bytes()


@pytest.fixture
def columns():
    found = Columns(["main"])
    found.grow(entry for _, entry in points_log(POINTS)[1:-1])
    return found


@pytest.mark.processes
def test_rows_that_cannot_be_read_are_given_up_in_time(whole, columns, tmp_path):
    path = tmp_path / "old.h5"
    path.write_bytes(spoiled(whole, VALUES, NEVER))
    began = time.monotonic()
    with open_previous([path], "scan1", PATIENCE) as old:
        with pytest.raises(UnreadableError, match=r"old\.h5"):
            old.rows(columns)
        with pytest.raises(UnreadableError):
            old.batch(columns, 0, POINTS)
    assert time.monotonic() - began < ENOUGH


@pytest.mark.processes
def test_whose_it_was_nobody_can_tell(whole, tmp_path):
    path = tmp_path / "old.h5"
    path.write_bytes(spoiled(whole, IDENTITY, NEVER))
    assert identity(path, PATIENCE) == ""


@pytest.mark.processes
def test_of_several_files_the_scans_own_is_read(whole, columns, tmp_path):
    missing, other, own = (tmp_path / name for name in ("missing", "other", "own"))
    own.write_bytes(whole)
    with h5py.File(other, "w") as file:
        file[IDENTITY] = b"scan0"
    with open_previous([missing, other, own], "scan1") as old:
        assert old.rows(columns) == POINTS
        batch = old.batch(columns, 1, POINTS)
    entries = points_log(POINTS)[2:-1]
    places = [entry.data["samx"]["samx"].value for _, entry in entries]
    np.testing.assert_array_equal(batch.values["samx", "samx"], places)
