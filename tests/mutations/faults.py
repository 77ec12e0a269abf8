"""The planted faults: one change of the source each, and the test that must notice it.

A fault is found by its text in any file of the product, and a test by its name, so that
neither has to be changed here when files move.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """One planted fault.

    Attributes:
        name: what goes wrong, for people.
        code: text that stands exactly once in all source files of the product; no
            comments, because their words change.
        wrong: what is put in its place; uses only names of the same file.
        test: name of the test function that must fail.
    """

    name: str
    code: str
    wrong: str
    test: str


FAULTS = [
    Fault(
        "a place above the upper limit is accepted",
        "if low <= there <= high:",
        "if low <= there:",
        "test_every_position_of_the_path_must_be_within_the_limits",
    ),
    Fault(
        "a motor behind a computed axis may leave its limits",
        "if not lowest - slack <= place <= highest + slack:",
        "if not lowest - slack <= place:",
        "test_a_move_of_an_axis_that_takes_a_motor_behind_it_too_far_is_refused",
    ),
    Fault(
        "nothing is unstaged after an error",
        "yield from self._phase(Phase.UNSTAGE, self._unstage(), always=True)",
        "yield from self._phase(Phase.UNSTAGE, self._unstage(), always=True)"
        " if moves else ()",
        "test_a_relative_scan_that_failed_is_unstaged_where_it_stands",
    ),
    Fault(
        "the devices behind one that cannot be unstaged stay staged",
        "_, failed = each(devices, lambda one: one.unstage(), STAGE_DEADLINE)",
        "failed = [one.unstage() for one in devices][:0]",
        "test_unstaging_goes_on_behind_a_device_that_fails",
    ),
    Fault(
        "a restarted bundler writes its last point again",
        "if step.index <= self._done:",
        "if step.index < self._done:",
        "test_a_restart_behind_any_output_goes_on_as_if_nothing_had_been",
    ),
    Fault(
        "a point is exposed twice under one attempt number",
        "unit.attempt -= unit.untouched",
        "unit.attempt -= 1",
        "test_no_point_is_exposed_twice_as_the_same_attempt",
    ),
    Fault(
        "the commit script does not check the fence",
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'fenced'} end",
        "redis.call('GET', KEYS[1])",
        "test_an_old_token_changes_nothing",
    ),
    Fault(
        "a person may write what services publish",
        'return ["R pub/*", *(',
        'return ["RW pub/*", *(',
        "test_everybody_writes_and_reads_what_is_theirs_and_nothing_else",
    ),
    Fault(
        "a person may ask in another person's name",
        "_glob(rule, person)",
        "_glob(rule)",
        "test_everybody_writes_and_reads_what_is_theirs_and_nothing_else",
    ),
    Fault(
        "an abort writes no stop for the device servers",
        "if severity and (not self._course.cleaning or verb is Verb.HALT):",
        "if severity and verb is Verb.HALT:",
        "test_an_abort_stops_the_devices_before_anything_else",
    ),
    Fault(
        "the stop of an abort does not reach the scan's executor",
        "if executor := self._executors.get(log.name):",
        "if (executor := self._executors.get(log.name)) and executor.done:",
        "test_a_stop_in_the_log_of_a_scan_stops_its_motor",
    ),
    Fault(
        "the stop of an abort does not reach a moving device",
        "if (stop.severity > 1 or waits) and stop.epoch >= self._epoch:",
        "if (stop.severity > 1 or waits) and stop.epoch > self._epoch:",
        "test_the_worker_s_stop_ends_a_move_at_once",
    ),
    Fault(
        "a withdrawn step is executed",
        "if step.epoch <= self._stopped:",
        "if step.epoch < self._stopped:",
        "test_steps_of_an_epoch_that_was_stopped_are_withdrawn",
    ),
    Fault(
        "a point that an earlier life may have begun is executed again",
        "old = step.index <= self._born and step.request.kind.traits.once",
        "old = step.index < self._born and step.request.kind.traits.once",
        "test_a_point_that_an_earlier_life_may_have_begun_is_lost",
    ),
    Fault(
        "a user may act on another user's scan",
        'self._may(user, item.user, f"{ask.verb} {item_label(item)}")',
        'self._may(user, user, f"{ask.verb} {item_label(item)}")',
        "test_a_user_does_not_abort_the_scan_of_another",
    ),
    Fault(
        "a relative scan does not return to where it began",
        "self._taking.back = start",
        "self._taking.back = {}",
        "test_a_relative_scan_goes_back_before_the_hooks_of_the_clean_up",
    ),
    Fault(
        "the site's rules for metadata are not checked",
        "for schema in catalogue.schemas.values() if scan.is_scan else ():",
        "for schema in catalogue.schemas.values() if not scan.is_scan else ():",
        "test_what_is_missing_or_wrong_is_named",
    ),
    Fault(
        "a scan's file replaces the file of another scan",
        "if not self._is_ours(path):",
        "if not path.exists():",
        "test_what_is_not_ours_is_left_alone",
    ),
    Fault(
        "a stream is aligned with one sample too many",
        "takewhile(lambda s: s.time < window.end, kept)",
        "takewhile(lambda s: s.time <= window.end, kept)",
        "test_rows_are_what_pandas_and_numpy_say_however_the_logs_arrive",
    ),
    Fault(
        "the logs of a scan expire before its file is complete",
        "if row.file is not None:\n                self._finish(row.scan_id)",
        "if row is not None:\n                self._finish(row.scan_id)",
        "test_a_scan_is_in_the_history_while_it_runs_and_whole_at_its_end",
    ),
    Fault(
        "the logs of a scan expire at its end like those of a move",
        "if item.begun and not item.is_scan:",
        "if item.begun:",
        "test_logs_of_a_move_go_when_it_has_ended_and_those_of_a_scan_do_not",
    ),
    Fault(
        "points leave the broker before they are in the file",
        "min(points - self._keep + 1, filed.major, *(at.major for at in needed))",
        "min(points - self._keep + 1, *(at.major for at in needed), points)",
        "test_what_stays_is_enough_for_everybody",
    ),
]
SAMPLE = ("a withdrawn step is executed", "a place above the upper limit is accepted")
"""Planted in the default run, too."""
