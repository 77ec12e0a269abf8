"""Rules over values: broken at once, whole again when they have been so for long."""

import math

from hypothesis import given, strategies as st

from bec_kernel.wire import Condition, Suspender
from bec_services.scan_server.program.condition import condition_of, text_of
from bec_services.scan_server.queue.suspending import Rules


def rule(text, queue="primary", name="ring"):
    return Suspender(queue=queue, name=name, rule=condition_of(text))


def looked(rules, value, now, queue="primary"):
    """Look at a value; return why the queue is held up, empty: it is not."""
    rules.look(lambda _: value, now)
    return "; ".join(why for _, why in rules.broken(queue))


def test_a_rule_is_broken_at_once_and_says_what_it_saw():
    rules = Rules([rule("ring above 80 for 60")])
    assert looked(rules, 400.0, 0.0) == ""
    assert looked(rules, 12.5, 1.0) == "ring above 80 for 60 s: it is 12.5"
    assert looked(rules, 100.0, 2.0) == "ring above 80 for 60 s: it is 12.5"


def test_it_is_whole_when_it_was_so_for_long_without_a_break():
    rules = Rules([rule("ring above 80 for 60")])
    looked(rules, 0.0, 0.0)
    assert looked(rules, 100.0, 10.0)
    assert rules.due == 70.0
    assert looked(rules, 100.0, 69.9)
    assert looked(rules, 0.0, 69.95)  # a break: it counts anew
    assert rules.due == math.inf
    assert looked(rules, 100.0, 80.0)
    assert looked(rules, 100.0, 140.0) == ""


def test_a_value_nobody_knows_breaks_a_rule():
    rules = Rules([rule("ring above 80")])
    assert looked(rules, None, 0.0) == "ring above 80: its value is not known"
    assert looked(rules, math.nan, 0.0)
    assert looked(rules, 81.0, 1.0) == ""


def test_a_rule_that_was_broken_a_life_ago_has_to_be_so_for_long():
    rules = Rules([rule("ring above 80 for 60")], broken=["primary"])
    assert looked(rules, 400.0, 5.0)
    assert looked(rules, 400.0, 65.0) == ""


def test_a_queue_goes_on_when_its_last_rule_is_whole_or_gone():
    rules = Rules([rule("ring above 80"), rule("ring below 500", name="high")])
    rules.add(rule("ring above 90", queue="other"))
    assert looked(rules, 85.0, 0.0) == ""
    assert looked(rules, 85.0, 0.0, "other")
    assert "above 80" in looked(rules, 50.0, 1.0)
    assert rules.remove("primary.ring").name == "ring"
    assert rules.broken("primary") == []
    assert rules.remove("primary.ring") is None
    assert rules.of("primary") == ["high"]


VALUES = st.lists(st.tuples(st.floats(0.1, 30), st.booleans()), max_size=30)


@given(values=VALUES, held=st.floats(0, 60))
def test_it_holds_up_exactly_while_it_was_not_so_within_the_time(values, held):
    rules = Rules([rule(f"ring above 80 for {held:.3f}")])
    held = float(f"{held:.3f}")
    now, last_bad, good_since = 0.0, None, None
    for wait, good in values:
        now += wait
        found = bool(looked(rules, 100.0 if good else 0.0, now))
        if not good:
            last_bad, good_since = now, None
        elif good_since is None:
            good_since = now
        recovered = good_since is not None and now >= good_since + held
        if last_bad is not None and recovered:
            last_bad = None
        assert found == (last_bad is not None)


def test_a_rule_waited_for_in_vain_is_waited_for_again_when_its_value_is_good():
    rules = Rules([rule("ring above 80 for 60")])
    looked(rules, 12.0, 0.0)
    waited = condition_of("ring above 80 for 60 within 3660")
    assert [one.name for one in rules.hopeful()] == ["ring"]
    assert rules.waited("primary", waited, met=False)
    looked(rules, 13.0, 1.0)
    assert rules.hopeful() == []
    looked(rules, 90.0, 2.0)
    assert [one.name for one in rules.hopeful()] == ["ring"]
    assert rules.waited("primary", waited, met=True)
    assert rules.broken("primary") == []
    assert not rules.waited("primary", waited, met=False)  # it is whole


NUMBERS = st.none() | st.floats(-1e6, 1e6)


@given(st.sampled_from(["", "current"]), NUMBERS, NUMBERS, st.floats(0, 1e6))
def test_a_rule_as_text_is_the_same_rule(signal, above, below, held):
    told = Condition(
        device="ring", signal=signal, above=above, below=below, held=held, deadline=5.0
    )
    if above is not None or below is not None:
        assert condition_of(text_of(told)) == told
