"""Parts of finished files are served on the bus, and nothing else from the disk."""

import time
import uuid

import h5py
import msgspec
import numpy as np
import pytest

from bec_kernel.bus import put
from bec_kernel.bus.changes import Append, Id
from bec_kernel.client import Client
from bec_kernel.errors import RefusedError
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import FileDone, FilePart, Heartbeat, Log, ReadFile, Users, keys
from bec_services.file_writer import requests
from bec_services.file_writer.hdf5 import selection
from bec_services.file_writer.hdf5.file_part import read
from tests.services.recorded import begin, new_life, running, take, until


@pytest.fixture
def base(tmp_path):
    """Files of two scans, one with frames apart; and one that is nobody's business."""
    base = tmp_path / "files"
    base.mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["key"] = 42
    with h5py.File(base / "frames.h5", "w") as file:
        file["data"] = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)
    with h5py.File(base / "S1.h5", "w") as file:
        data = file.create_group("entry/data")
        data.attrs["signal"] = "y"
        data.attrs["axes"] = ["x"]
        data["x"] = np.linspace(0, 1, 11)
        data["x"].attrs["units"] = "mm"
        data["y"] = h5py.SoftLink("/entry/z")
        data["near"] = h5py.SoftLink("x")
        data["eye"] = h5py.ExternalLink("frames.h5", "/data")
        data["out"] = h5py.ExternalLink("../secret.h5", "/key")
        data["loop"] = h5py.SoftLink("/entry/data/loop")
        file["entry/z"] = np.arange(11)
        file["entry/title"] = np.array(b"line_scan", "S16")
        file["entry/notes"] = ["a", "bc"]
        file["entry/large"] = np.zeros((3, selection.MOST // 16))
        file["entry/table"] = np.zeros(2, [("a", "f8")])
        raw = [("../secret.h5", 0, 8)]
        file.create_dataset("entry/raw", (1,), "i8", external=raw)
        virtual = h5py.VirtualLayout((1,), "i8")
        virtual[0] = h5py.VirtualSource("../secret.h5", "key", ())
        file.create_virtual_dataset("entry/virtual", virtual)
    return base


def ask(item, **fields):
    return ReadFile(request_id=uuid.uuid4().hex, item=item, **fields)


def look(base, item, **fields):
    return read(base, base / "S1.h5", ask(item, **fields))


def test_a_group_tells_its_names_and_a_dataset_its_shape(base):
    found = look(base, "/entry/data")
    assert found.names == ["eye", "loop", "near", "out", "x", "y"]
    assert found.attrs == {"signal": "y", "axes": ["x"]}
    found = look(base, "entry/data/x", look=True)
    assert (found.shape, found.dtype, found.value) == ([11], "<f8", None)
    assert found.attrs == {"units": "mm"}


@pytest.mark.parametrize(
    ("item", "edges", "wanted"),
    [
        ("entry/data/x", {"start": [2], "stop": [4]}, np.linspace(0, 1, 11)[2:4]),
        ("entry/data/y", {"start": [9]}, [9, 10]),
        ("entry/data/y", {"start": [9], "stop": [99]}, [9, 10]),
        ("entry/data/y", {"start": [50]}, []),
        ("entry/data/near", {"stop": [1]}, [0.0]),
        ("entry/data/eye", {"start": [1, 2], "stop": [2, 3]}, [[[20, 21, 22, 23]]]),
        ("entry/title", {}, b"line_scan"),
        ("entry/notes", {"start": [1]}, ["bc"]),
    ],
)
def test_any_part_is_read_through_links_too(base, item, edges, wanted):
    np.testing.assert_array_equal(look(base, item, **edges).value, wanted)


@pytest.mark.parametrize(
    ("item", "edges", "said"),
    [
        ("entry/data/nothing", {}, "is not in S1.h5"),
        ("entry/data/x/y", {}, "is not in S1.h5"),
        ("entry/../entry", {}, "is not a valid path in a file"),
        ("entry/data/out", {}, "does not lie in the folder of files"),
        ("entry/raw", {}, "does not lie in the folder of files"),
        ("entry/virtual", {"look": True}, "does not lie in the folder of files"),
        ("entry/data/loop", {}, "too many links"),
        ("entry/large", {}, "too much for one request"),
        ("entry/table", {}, "only numbers and text"),
        ("entry/data/x", {"start": [-1]}, "do not fit"),
        ("entry/data/x", {"start": [0, 0]}, "do not fit"),
    ],
)
def test_what_cannot_be_read_is_refused(base, item, edges, said):
    with pytest.raises(RefusedError, match=said):
        look(base, item, **edges)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../secret.h5", "does not lie in the folder"),
        ("/etc/passwd", "does not lie in the folder"),
        ("way_out/secret.h5", "does not lie in the folder"),
        ("S2.h5", "does not exist"),
        ("", "does not exist"),
    ],
)
def test_a_path_outside_the_folder_is_refused(base, path, said):
    (base / "way_out").symlink_to(base.parent)
    with pytest.raises(RefusedError, match=said):
        selection.inside(base, path)


def test_a_person_asks_for_a_scans_file_once_it_is_finished(base, tmp_path):
    (base / "no.h5").write_text("no HDF5")
    bus = MemoryBus(MemoryBroker())
    put(bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
    take(bus, "file_writer", begin(scan_id="late"))
    done = FileDone(path=str(base / "S1.h5"), points=11)
    bus.commit([Append(keys.files("done"), done, Id(1))])
    inbox = keys.file_asks("ada")
    asks = [
        ask("entry/data/y", scan_id="done", path="frames.h5"),
        ask("entry", scan_id="late", path="S1.h5"),
        ask("entry", scan_id="gone"),
        ask("data", scan_id="gone", path="frames.h5", look=True),
        ask("/", path="no.h5"),
    ]
    ada = MemoryBus(bus.broker, "ada")
    for one in asks[:2]:  # before the service is there
        ada.ask(inbox, one)
    with running(new_life("file_writer", bus.broker, tmp_path), requests.run):
        for one in asks[2:]:
            ada.ask(inbox, one)
        until(bus, lambda: len(bus.read(inbox.replies)) == len(asks))
        log = Log(inbox.name, inbox.type)
        bus.commit([Append(log, asks[0])])
        until(bus, lambda: len(bus.read(inbox.replies)) == len(asks) + 1)
    replies = [entry.message for entry in bus.read(inbox.replies)]
    found = msgspec.convert(replies[0].value, FilePart)
    assert found.value.tolist() == list(range(11))
    said = [reply.problem.message for reply in replies if reply.problem]
    assert ["not finished" in one for one in said] == [True, True, False]
    assert "no.h5 cannot be read" in said[2]
    assert replies[3].value["shape"] == [2, 3, 4]


@pytest.fixture
def remote(base, tmp_path):
    """The file as a client sees it, with the disk behind the bus."""
    with h5py.File(base / "S1.h5", "a") as file:
        file["entry/images"] = np.arange(3 * 2**18).reshape(3, 2**9, 2**9)
    bus = MemoryBus(MemoryBroker())
    put(bus, keys.users(), Users(names=["ada"], device_servers=["main"]))
    beat = Heartbeat(
        service="file_writer", pid=1, state="running", version="", time=time.time()
    )
    put(bus, keys.heartbeats["file_writer"]("main"), beat)
    done = FileDone(path=str(base / "S1.h5"), points=11)
    bus.commit([Append(keys.files("done"), done, Id(1))])
    with (
        running(new_life("file_writer", bus.broker, tmp_path), requests.run),
        Client(MemoryBus(bus.broker, "ada")) as client,
    ):
        yield client.report("done").hdf5


def test_a_client_reads_a_file_as_if_it_were_here(remote):
    assert list(remote) == ["entry"]
    data = remote["entry/data"]
    assert data["x"].attrs["units"] == "mm"
    assert data["y"].shape == (11,)
    assert data["y"][-1] == 10
    assert data["y"][2:4].tolist() == [2, 3]
    assert data["y"][5:5].tolist() == []
    assert np.asarray(data["y"]).sum() == 55
    assert data["eye"][1, 2, 3] == 23
    assert data["eye"][:, 0, 1:3].shape == (2, 2)
    assert remote["entry/title"][()] == b"line_scan"
    assert remote["entry/notes"][...] == ["a", "bc"]
    assert repr(remote["entry/images"]) == "entry/images: <i8 (3, 512, 512)"


def test_what_is_too_large_for_one_answer_comes_in_pieces(remote):
    images = remote["entry/images"]
    assert images[0].sum() == np.arange(2**18).sum()
    assert images[...].shape == images.shape
    part = images[:, 100:200]
    assert part.shape == (3, 100, 512)
    assert part[2, 0, 0] == 2 * 2**18 + 100 * 512


def test_only_plain_slices_and_indices_that_are_there_are_read(remote):
    values = remote["entry/data/y"]
    for key in (99, -12, (0, 0)):
        with pytest.raises(IndexError):
            values[key]
    for key in (slice(0, 9, 2), 1.5, None):
        with pytest.raises(TypeError):
            values[key]
    with pytest.raises(TypeError, match="is a group"):
        remote["entry/data"][0]
