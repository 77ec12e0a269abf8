"""Whether those a scan will ask are there."""

import time

import pytest

from bec_kernel.bus.changes import Put
from bec_kernel.errors import RefusedError
from bec_kernel.testing import MemoryBus
from bec_kernel.wire import Heartbeat, keys
from bec_services.scan_server.accept.advisors import doubts


@pytest.fixture
def bus():
    return MemoryBus()


def begin(bus, name, *, ago=0.0):
    """Let an analysis have been there, and be silent since."""
    told = Heartbeat(service="data_analysis", pid=1, state="running", version="")
    beat = Heartbeat(
        service="data_analysis",
        pid=1,
        state="running",
        version="",
        time=time.time() - ago,
    )
    alive = keys.heartbeats["data_analysis"](name)
    bus.commit([Put(keys.advisors(), told, name), Put(alive, beat)])


def test_a_name_nobody_answers_to_is_refused_with_those_that_are_there(bus):
    with pytest.raises(RefusedError, match=r"ask=nobody: none runs; .*BEC_NAME=nobody"):
        doubts(bus, ["nobody"])
    begin(bus, "peak_finder")
    begin(bus, "edge", ago=60)
    with pytest.raises(RefusedError, match="there is peak_finder; an") as refused:
        doubts(bus, ["nobody"])
    assert refused.value.allowed == "peak_finder"
    with pytest.raises(RefusedError, match="did you mean peak_finder"):
        doubts(bus, ["peakfinder"])


def test_one_that_may_come_back_is_waited_for_with_a_warning(bus):
    begin(bus, "edge", ago=60)
    begin(bus, "peak_finder")
    assert doubts(bus, ["peak_finder"]) == []
    (told,) = doubts(bus, ["peak_finder", "edge"])
    assert told.startswith("the analysis edge is silent, since 60 s: if it is not")
