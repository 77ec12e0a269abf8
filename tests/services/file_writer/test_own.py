"""A point that is read from its file is the one that was on the bus."""

from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from bec_kernel.bus.changes import Id
from bec_kernel.client.scan.file_reader import columns_of, content_of, points_of
from bec_kernel.client.scan.remote_file import RemoteFile
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import Point, PointStatus, ReadFile, Reading, Seal, Times
from bec_services.file_writer.hdf5.file_part import read
from bec_services.file_writer.retention.previous_file import OpenRows, PreviousFile
from bec_services.file_writer.tree.columns import Columns
from tests.services.file_writer.master_files import written
from tests.services.recorded import T0, points_log

SERVERS = {"samx": "main", "bpm4i": "far", "det": "far"}


class LocalFile(RemoteFile):
    """A file that is read here, as the file writer reads it for others."""

    def __init__(self, file):
        super().__init__(MemoryBus(), None, "scan1")
        self.file, self.place = file, Path(file.filename)

    def read(self, item, **fields):
        ask = ReadFile(request_id="", item=item, **fields)
        return read(self.place.parent, self.place, ask, self.file)


SECONDS = st.floats(0, 1e4)
MOMENT = st.floats(1e9, 2e9)
SERVER = st.sampled_from(["main", "far"])
ONE = st.fixed_dictionaries(
    {
        "index": st.integers(1, 1 << 40),
        "attempt": st.integers(1, 3),
        "begin": MOMENT,
        "end": MOMENT,
        "life": st.dictionaries(
            st.sampled_from(["main", "far"]), st.integers(1, 2**60)
        ),
        "times": st.none() | st.builds(Times, MOMENT, *[SECONDS] * 6),
        "values": st.fixed_dictionaries(
            {
                "samx": st.floats(allow_nan=False),
                "bpm4i": st.integers(-(2**40), 2**40),
                "det": st.text("ab é", max_size=9),
            }
        ),
        "silent": st.sets(st.sampled_from(list(SERVERS)), max_size=3),
        "word": st.sampled_from(PointStatus),
    }
)


def point(number, index, silent, word, values, **fields):
    """A point as the bundler makes it: who did not answer is marked, others may be."""
    silent = silent if number else set()  # the first one tells all columns
    data = {
        name: {name: Reading(value, T0 + number)}
        for name, value in values.items()
        if name not in silent
    }
    status = dict.fromkeys(silent, PointStatus.MISSING)
    if word is not PointStatus.GOOD:
        status |= dict.fromkeys(data, word)
    return Point(index=index, point_id=number, data=data, status=status, **fields)


def log(points):
    seal = points_log(0)[-1][1]
    seal = msgspec.structs.replace(seal, points=len(points))
    assert isinstance(seal, Seal)
    entries = [(Id(one.point_id + 1), one) for one in points]
    return [*entries, (Id(len(points) + 1), seal)]


@pytest.mark.slow
@given(st.lists(ONE, min_size=1, max_size=6), st.integers(0, 5))
@settings(max_examples=6, deadline=None)
def test_a_point_from_its_file_is_the_one_from_the_bus(tmp_path_factory, told, start):
    points = [point(number, **fields) for number, fields in enumerate(told)]
    folder = tmp_path_factory.mktemp("own")
    with written(folder, log(points), monitored=list(SERVERS), servers=SERVERS) as file:
        remote = LocalFile(file)
        assert content_of(remote).points == points
        columns, count = columns_of(remote)
        assert points_of(remote, columns, min(start, count), count) == points[start:]
        # And what a new file takes from this one are the rows the points would make.
        kept, old = Columns(["far", "main"]), PreviousFile(OpenRows(file))
        kept.grow(points)
        wanted = kept.batch(points)
        assert old.rows(kept) == len(points)
        found = old.batch(kept, 0, len(points))
    for name in ("values", "times", "status", "own"):
        np.testing.assert_equal(getattr(found, name), getattr(wanted, name))


def test_a_file_of_an_old_version_is_read_without_what_it_does_not_tell(tmp_path):
    with written(tmp_path, points_log(3)) as file:
        path = tmp_path / file.filename
    with h5py.File(path, "r+") as file:
        del file["entry/collection/points"]
        file["entry/collection/point_status/samx"][1] = 3
        points, old = content_of(LocalFile(file)).points, PreviousFile(OpenRows(file))
        kept = Columns(["main"])
        kept.grow(points)
        assert old.rows(kept) == 3
        batch = old.batch(kept, 0, 3)
    assert [one.attempt for one in points] == [1, 2, 1]
    assert [one.index for one in points] == [-1] * 3
    assert np.isnan([(one.begin, one.end) for one in points]).all()
    assert points[2].data == points_log(3)[3][1].data
    assert not batch.own["/entry/collection/points/numbers"].any()


def test_what_a_point_tells_is_described_in_the_file(tmp_path):
    with written(tmp_path, points_log(3), servers=SERVERS) as file:
        group = file["entry/collection/points"]
        moments, numbers = group["moments"], group["numbers"]
        assert list(moments.attrs["columns"]) == ["begin", "end", "start"]
        assert moments.attrs["units"] == "s"
        assert "first trigger" in moments.attrs["description"]
        assert moments[:, :2].tolist() == [[T0 + n, T0 + n + 0.5] for n in range(3)]
        assert list(numbers.attrs["columns"])[:2] == ["attempt", "step"]
        assert list(numbers.attrs["columns"])[2:] == ["life/far", "life/main"]
        assert numbers[:, :2].tolist() == [[1, 4 + n] for n in range(3)]
