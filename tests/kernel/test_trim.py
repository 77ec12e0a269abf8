"""The entries before a place go, and who appends to the log goes on as before."""

import pytest

from bec_kernel.bus import append
from bec_kernel.bus.changes import Append, Id, Trim
from bec_kernel.errors import ConflictError
from bec_kernel.wire import Stop, keys


def stop(index):
    return Stop(epoch=index, severity=1)


def test_entries_before_a_place_are_trimmed_and_ids_go_on(bus, scan_id):
    log = keys.stops(scan_id)
    bus.commit([Append(log, stop(n), Id.of(n)) for n in range(300)])
    assert bus.commit([Trim(log, Id.of(297))]) == []
    assert [entry.id.index for entry in bus.read(log)] == [297, 298, 299]
    bus.commit([Trim(log, Id.of(2))])  # later than it was meant
    append(bus, log, stop(300), Id.of(300), dense=True)
    append(bus, log, stop(299), Id.of(299), dense=True)  # its reply was lost
    with pytest.raises(ConflictError, match="gap"):
        append(bus, log, stop(302), Id.of(302), dense=True)
    with pytest.raises(ConflictError, match="conflict"):
        append(bus, log, stop(5), Id.of(5))  # nobody knows what stood there
    assert [entry.id.index for entry in bus.read(log)] == [297, 298, 299, 300]


def test_the_last_entry_of_a_log_is_never_trimmed(bus, scan_id):
    log = keys.stops(scan_id)
    bus.commit([Trim(log, Id.of(9))])
    bus.commit([Append(log, stop(n), Id.of(n)) for n in range(3)])
    bus.commit([Append(log, stop(3), Id.of(3)), Trim(log, Id.of(99))])
    assert [entry.id.index for entry in bus.read(log)] == [3]
    append(bus, log, stop(4), Id.of(4), dense=True)
    assert bus.last(log).id == Id.of(4)


def test_what_is_before_the_first_place_that_goes_stays(bus, scan_id):
    log = keys.stops(scan_id)
    bus.commit([Append(log, stop(n), Id.of(n)) for n in range(9)])
    bus.commit([Trim(log, Id.of(4), since=Id.of(1)), Trim(log, Id.of(99), Id.of(6))])
    assert [entry.id.index for entry in bus.read(log)] == [0, 4, 5, 8]
    append(bus, log, stop(9), Id.of(9), dense=True)
    bus.commit([Trim(keys.stops(f"{scan_id}x"), Id.of(4), since=Id.of(1))])
