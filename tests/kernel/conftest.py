"""A real broker for the tests of the bus, away from the user's own instances."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from bec_kernel.bus import connect
from bec_kernel.bus.protocol import Bus, Complaint
from bec_kernel.instance import broker as embedded
from bec_kernel.instance.folder import Folder
from bec_kernel.testing import MemoryBroker, MemoryBus

PERSONS = ["ada", "bob"]


@pytest.fixture(scope="session")
def folder(runtime, tmp_path_factory) -> Iterator[Folder]:
    """The folder of a running broker with two persons."""
    found = Folder(tmp_path_factory.mktemp("data"))
    process = embedded.start_broker(found, PERSONS)
    embedded.wait_for_broker(process, found)
    yield found
    process.terminate()
    assert process.wait(10) == 0


class Meeting:
    """Two buses to the same place, and what was complained about."""

    def __init__(self, join: Callable[[str, Complaint], Bus]) -> None:
        self.complaints: list[str] = []
        self._join = join
        self.buses: list[Bus] = []

    def bus(self, user: str = "scan_server") -> Bus:
        bus = self._join(user, lambda key, error: self.complaints.append(key))
        self.buses.append(bus)
        return bus


@pytest.fixture(params=["memory", "broker"])
def meeting(request) -> Iterator[Meeting]:
    """The same meeting place twice: the double, and the real broker."""
    if request.param == "memory":
        shared = MemoryBroker()
        place = Meeting(lambda user, complain: MemoryBus(shared, user, complain))
    else:
        folder = request.getfixturevalue("folder")
        place = Meeting(
            lambda user, complain: connect(folder.url(user), "bec", complain)
        )
    yield place
    for bus in place.buses:
        bus.close()


@pytest.fixture
def bus(meeting) -> Bus:
    """The scan server's bus."""
    return meeting.bus()


@pytest.fixture
def scan_id() -> str:
    """A scan nobody has heard of."""
    return uuid.uuid4().hex
