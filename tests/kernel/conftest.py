"""A bus in memory and one on a real broker, for the tests of the bus."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from bec_kernel.bus import connect
from bec_kernel.bus.protocol import Bus, Complaint
from bec_kernel.testing import MemoryBroker, MemoryBus


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


@pytest.fixture(params=["memory", pytest.param("broker", marks=pytest.mark.processes)])
def meeting(request) -> Iterator[Meeting]:
    """The same meeting place twice: the double, and the real broker."""
    if request.param == "memory":
        shared = MemoryBroker()
        place = Meeting(lambda user, complain: MemoryBus(shared, user, complain))
    else:
        folder = request.getfixturevalue("broker_folder")
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
    """A scan that is not on the bus."""
    return uuid.uuid4().hex
