"""Requests of users: each is answered, done once, and never ends the service."""

import threading
from functools import partial

import pytest

from bec_kernel.bus.changes import Append
from bec_kernel.errors import BrokerError, RefusedError
from bec_kernel.service import LATER, RequestServer
from bec_kernel.service.life import report_undecodable
from bec_kernel.testing import MemoryBroker, MemoryBus
from bec_kernel.wire import FindScans, Item, Log, Problem, ScanRequest, keys
from tests.services.recorded import new_life

ROLE = "scihub"
ADA = keys.scihub_asks("ada")


class Service:
    """A service whose handler does what the test puts into `do`."""

    def __init__(self, tmp_path):
        self.broker = MemoryBroker()
        report = lambda *about: report_undecodable(  # noqa: E731
            self.life.bus, ROLE, self.life.log, *about
        )
        bus = MemoryBus(self.broker, complain=report)
        self.life = new_life(ROLE, self.broker, tmp_path, bus)
        self.bus = MemoryBus(self.broker, "ada")
        self.handled = []
        self.do = lambda request: request.message.limit
        self.begin()

    def begin(self):
        """Begin as a new life does: it knows what is on the bus, and nothing else."""
        self.server = RequestServer(self.life, keys.scihub_asks, self.handle)
        self.positions = self.server.open(["ada", "bob"])

    def handle(self, request):
        self.handled.append((request.user, request.message.request_id))
        return self.do(request)

    def serve(self):
        for log, entries in self.life.bus.follow(self.positions, 0.0):
            self.positions[log] = entries[-1].id
            assert self.server.take(log, entries)

    def ask(self, request_id, limit=3, user="ada"):
        request = FindScans(request_id=request_id, limit=limit)
        return str(self.bus.ask(keys.scihub_asks(user), request))

    def replies(self, user="ada"):
        inbox = keys.scihub_asks(user)
        return [entry.message for entry in self.bus.read(inbox.replies)]

    def alarms(self):
        return [entry.message for entry in self.bus.read(keys.alarms())]


@pytest.fixture
def service(tmp_path):
    return Service(tmp_path)


def raising(error):
    def do(_request):
        raise error

    return do


def test_a_request_is_answered_with_what_the_handler_returns(service):
    at = service.ask("a", 7)
    service.serve()

    (reply,) = service.replies()
    assert (reply.request_id, reply.asked, reply.value) == ("a", at, 7)
    assert (reply.problem, service.alarms()) == (None, [])


def test_the_user_is_the_one_in_the_key(service):
    assert (ADA.user, keys.device_asks("main", "bob").user) == ("ada", "bob")
    service.ask("a", user="bob")
    service.serve()
    assert service.handled == [("bob", "a")]
    assert service.replies() == []


def test_a_refusal_is_an_answer_without_an_alarm(service):
    service.do = raising(RefusedError("too many", subject="limit", allowed="1 to 5"))
    service.ask("a")
    service.serve()

    (reply,) = service.replies()
    assert reply.problem == Problem(
        kind="RefusedError", message="too many", subject="limit", allowed="1 to 5"
    )
    assert service.alarms() == []


@pytest.mark.parametrize(
    "error",
    [
        ValueError("seven"),
        RecursionError("seven"),
        MemoryError("seven"),
        SystemExit("seven"),
        KeyboardInterrupt("seven"),
    ],
)
def test_an_exception_is_an_answer_and_an_alarm_and_the_next_is_served(service, error):
    service.do = raising(error)
    service.ask("a")
    service.serve()
    service.do = lambda _request: "fine"
    service.ask("b")
    service.serve()

    failed, fine = service.replies()
    what = f"{type(error).__name__}: seven"
    assert failed.problem == Problem(
        kind="BecError", message=f"the request failed: {what}"
    )
    assert fine.value == "fine"
    (alarm,) = service.alarms()
    assert alarm.message == f"a request of ada failed: {what}"
    assert (alarm.user, alarm.request_id, alarm.severity) == ("ada", "a", "minor")


@pytest.mark.parametrize("value", [object(), 2**70, b"x" * 17_000_000])
def test_a_value_that_cannot_be_sent_is_an_answer_and_an_alarm(service, value):
    service.do = lambda _request: value
    service.ask("a")
    service.serve()

    (reply,) = service.replies()
    assert reply.value is None
    assert reply.problem.message.startswith("the request failed: ")
    assert len(service.alarms()) == 1


def test_a_broker_that_goes_away_ends_the_life_and_the_next_one_answers(service):
    service.do = raising(BrokerError("gone"))
    service.ask("a")
    with pytest.raises(BrokerError):
        service.serve()
    assert service.replies() == []

    inherited = []
    service.do = lambda request: inherited.append(request.inherited)
    service.begin()
    assert inherited == [True]
    assert [reply.request_id for reply in service.replies()] == ["a"]


def test_an_entry_that_cannot_be_decoded_is_skipped_with_an_alarm(service):
    service.ask("a")
    odd = Log(ADA.name, str)
    (at,) = service.bus.commit([Append(odd, "no request")])
    service.ask("b")
    service.serve()

    assert [reply.request_id for reply in service.replies()] == ["a", "b"]
    (alarm,) = service.alarms()
    assert alarm.message.startswith(f"{ADA.name} at {at} cannot be decoded: ")
    service.begin()
    assert len(service.handled) == 2


def test_a_request_asked_twice_is_answered_twice_and_done_once(service):
    first, second = service.ask("a"), service.ask("a")
    service.serve()
    third = service.ask("a", limit=9)
    service.serve()

    assert [reply.asked for reply in service.replies()] == [first, second, third]
    assert [reply.value for reply in service.replies()] == [3, 3, 3]
    assert service.handled == [("ada", "a")]


def test_a_repeated_request_of_an_earlier_life_is_not_done_again(service):
    service.ask("a")
    service.serve()
    service.begin()
    service.ask("a")
    service.serve()
    service.begin()

    assert len(service.replies()) == 2
    assert service.handled == [("ada", "a")]


def test_the_same_id_of_another_user_is_another_request(service):
    service.ask("a", 1)
    service.ask("a", 2, user="bob")
    service.serve()
    assert service.replies("bob")[0].value == 2
    assert service.handled == [("ada", "a"), ("bob", "a")]


def test_a_repeated_request_waits_for_the_first_that_is_still_worked_on(service):
    held = []

    def do(request):
        held.append(request)
        return LATER

    service.do = do
    service.ask("a")
    service.ask("a")
    service.serve()
    assert (service.replies(), len(held)) == ([], 1)

    thread = threading.Thread(target=partial(held[0].answer, lambda: "done"))
    thread.start()
    thread.join(5)
    assert [reply.value for reply in service.replies()] == ["done", "done"]


def test_types_that_are_always_done_are_done_each_time(service):
    service.server = RequestServer(
        service.life, keys.scihub_asks, service.handle, always=(FindScans,)
    )
    service.positions = service.server.open(["ada"])
    service.ask("a")
    service.ask("a")
    service.serve()
    assert len(service.handled) == len(service.replies()) == 2


def test_changes_are_committed_together_with_the_reply(service):
    request = ScanRequest(request_id="i", name="line_scan")
    item = Item(scan_id="i", user="ada", request=request, rank=1.0)
    more = Append(keys.items_done(), item)

    def do(request):
        request.commit([more], value="kept", warnings=["careful"])
        return LATER

    service.do = do
    service.ask("a")
    service.serve()
    (reply,) = service.replies()
    assert (reply.value, reply.warnings) == ("kept", ["careful"])
    assert [entry.message for entry in service.bus.read(keys.items_done())] == [item]


def test_a_failure_after_the_reply_is_an_alarm_and_no_second_reply(service):
    def do(request):
        request.commit([], value="done")
        raise ValueError("after")

    service.do = do
    service.ask("a")
    service.serve()
    assert [reply.value for reply in service.replies()] == ["done"]
    assert len(service.alarms()) == 1
