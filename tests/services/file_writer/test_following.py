"""What the writer follows, and when it does no longer."""

from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import keys
from bec_services.file_writer.service import run
from tests.services.file_writer.gas import (
    everything_sent,
    gas_scan,
    points,
    put_devices,
)
from tests.services.recorded import new_life, running, take, until

ROLE = "file_writer"


class Heard(MemoryBus):
    """A bus that notes which logs are followed."""

    followed: frozenset[str] = frozenset()

    def follow(self, positions, timeout, limit=1000):
        if keys.scans() in positions:
            with self.broker.changed:
                self.followed = frozenset(log.name for log in positions)
                self.broker.changed.notify_all()
        return super().follow(positions, timeout, limit)


def test_nothing_of_a_scan_is_followed_any_more_once_its_file_is_complete(
    tmp_path,
):
    bus = MemoryBus(MemoryBroker())
    heard = Heard(bus.broker)
    put_devices(bus)
    take(bus, ROLE, gas_scan())
    *taken, seal = points()
    bus.commit([*everything_sent(), *taken, seal])  # all are found in one go
    with running(new_life(ROLE, bus.broker, tmp_path, heard), run):
        until(bus, lambda: bus.last(keys.files("scan1")) is not None)
        until(bus, lambda: heard.followed == {keys.scans().name})
