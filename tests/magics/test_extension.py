import pytest
from IPython.core.completer import provisionalcompleter

from bec_kernel.bus.changes import Append, Id, Put
from bec_kernel.errors import InstanceError, RefusedError
from bec_kernel.wire import (
    Begin,
    MetadataField,
    MetadataSchema,
    Point,
    Reading,
    ScanRequest,
    keys,
)
from bec_magics import load_ipython_extension, unload_ipython_extension

OURS = {"scan", "ct", "mv", "umv", "mvr", "wa", "stop", "queue", "instance", "scans"}

pytestmark = pytest.mark.keeps_threads  # IPython's history saver


def magics(shell):
    return dict(shell.magics_manager.magics["line"])


def tab(shell, typed):
    with provisionalcompleter():
        return [one.text for one in shell.Completer.completions(typed, len(typed))]


def test_only_the_alias_mv_is_replaced_and_given_back(plain_shell):
    before = magics(plain_shell)
    load_ipython_extension(plain_shell)
    during = magics(plain_shell)
    unload_ipython_extension(plain_shell)
    assert {name for name in before if during[name] is not before[name]} <= {"mv"}
    assert set(during) - set(before) | {"mv"} == OURS
    assert magics(plain_shell) == before


def test_a_reset_of_the_shell_says_nothing_about_mv(shell, caplog):
    shell.alias_manager.init_aliases()
    assert caplog.records == []
    assert "mv" not in dict(shell.alias_manager.default_aliases)


def test_unloading_takes_names_completion_and_errors_away(plain_shell):
    matchers = list(plain_shell.Completer.custom_matchers)
    exceptions = plain_shell.custom_exceptions
    load_ipython_extension(plain_shell)
    assert {"bec", "dev", "scans", "queue", "history"} <= set(plain_shell.user_ns)
    unload_ipython_extension(plain_shell)
    assert not {"bec", "dev", "scans"} & set(plain_shell.user_ns)
    assert plain_shell.Completer.custom_matchers == matchers
    assert plain_shell.custom_exceptions == exceptions


def test_a_name_the_person_uses_is_left_alone(plain_shell):
    plain_shell.user_ns["dev"] = "mine"
    load_ipython_extension(plain_shell)
    unload_ipython_extension(plain_shell)
    assert plain_shell.user_ns.pop("dev") == "mine"


def test_without_an_instance_the_first_use_says_how_to_start_one(shell, capsys):
    result = shell.run_cell("dev.samx")
    assert isinstance(result.error_in_exec, InstanceError)
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert "bec up" in text
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1


def test_a_name_shown_without_an_instance_says_so_in_a_line(shell, capsys):
    shell.run_cell("queue")
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert "InstanceError: no " in text
    assert "Traceback" not in text


def test_the_names_stand_for_the_client_after_the_first_use(connected):
    assert connected.run_cell("dev.samx.name").result == "samx"
    assert type(connected.user_ns["dev"]).__name__ == "Devices"


def test_a_refusal_is_one_line_and_nothing_was_asked(connected, bus, capsys):
    result = connected.run_cell("%scan line_scann samx -5 5")
    assert isinstance(result.error_in_exec, RefusedError)
    shown = capsys.readouterr()
    lines = (shown.out + shown.err).strip().splitlines()
    assert len(lines) == 1
    assert "did you mean line_scan?" in lines[0]
    assert bus.read(keys.scan_asks("ann")) == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%scan li", "line_scan"),
        ("%scan line_scan sa", "samx"),
        ("%scan line_scan samx -5 5 --st", "--steps"),
        ("report = %scan line_scan samx -5 5 --exp", "--exp-time"),
        ("x = 1\n%scan as", "ascan"),
        ("%mv sa", "samx"),
        ("%mv --b", "--back"),
        ("%umv sa", "samx"),
        ("%mvr sa", "samx"),
        ("%ct ", "--frames-per-trigger"),
        ("%ct 0.1 --fr", "--frames-per-trigger"),
        ("%stop bp", "bpm4i"),
        ("%queue unl", "unlock"),
        ("%queue pause --n", "--now"),
        ("%scan --help li", "line_scan"),
    ],
)
def test_tab_offers_what_may_come_next(connected, typed, offered):
    assert offered in tab(connected, typed)


def test_tab_offers_no_python_names_behind_a_magic(connected):
    connected.user_ns["samples"] = 1
    found = tab(connected, "%scan line_scan sa")
    del connected.user_ns["samples"]
    assert found == ["samx"]


def test_tab_offers_motors_where_one_is_needed(connected):
    assert tab(connected, "%scan line_scan ") == ["samx"]
    assert tab(connected, "%mv b") == []
    assert "--relative" not in tab(connected, "%mvr samx 1 ")


def test_tab_looks_behind_our_names(connected, monkeypatch):
    monkeypatch.setattr(connected.Completer, "use_jedi", False)
    for typed, offered in (
        ("dev.samx.", "position"),
        ("dev.samx.vel", "velocity"),
        ("x = bec.dev.samx.velocity.", "set"),
        ("dev['samx'].lim", "limits"),
        ("history[-1].", "x"),
    ):
        found = [one.rpartition(".")[2] for one in tab(connected, typed)]
        assert (offered in found) is (offered != "x"), typed


def test_tab_looks_behind_the_devices_of_a_scan(connected, bus, monkeypatch):
    monkeypatch.setattr(connected.Completer, "use_jedi", False)
    request = ScanRequest(request_id="a1", name="acquire")
    begin = Begin(
        scan_id="a1", user="ann", request=request, scan_number=1, monitored=["bpm4i"]
    )
    data = {"bpm4i": {"bpm4i": Reading(1.0, 0.0)}}
    point = Point(index=0, point_id=0, attempt=1, begin=0.0, end=1.0, data=data)
    bus.commit(
        [
            Append(keys.steps("a1"), begin),
            Append(keys.points("a1"), point, Id(1, 0)),
        ]
    )
    report = connected.user_ns["bec"].report("a1")
    monkeypatch.setitem(connected.user_ns, "last", report)
    found = [one.rpartition(".")[2] for one in tab(connected, "last.devices.")]
    assert "bpm4i" in found
    assert tab(connected, "last.baseline.bp") == []


@pytest.mark.parametrize("word", ["--help", "--list"])
def test_words_that_ask_for_help_get_it(connected, word):
    assert "suspend_unless" in repr(connected.run_cell(f"%queue {word}").result)
    assert "--since" in repr(connected.run_cell(f"%scans {word}").result)


def test_tab_asks_no_hardware_and_runs_no_code(connected, bus, monkeypatch):
    monkeypatch.setattr(connected.Completer, "use_jedi", False)
    connected.user_ns["ran"] = ran = []
    assert tab(connected, "dev.samx.position.re") == []
    tab(connected, "dev[ran.append(1)].na")
    assert ran == []
    assert bus.read(keys.device_asks("main", "ann")) == []
    del connected.user_ns["ran"]


def test_tab_looks_not_behind_a_name_the_person_gave_a_meaning(connected, monkeypatch):
    class Mine:
        def __getattr__(self, name):
            asked.append(name)

    asked = []
    monkeypatch.setattr(connected.Completer, "use_jedi", False)
    monkeypatch.setitem(connected.user_ns, "dev", Mine())
    tab(connected, "dev.samx.")
    assert "samx" not in asked


def test_a_device_is_explained_by_a_question_mark(connected, capsys):
    connected.run_cell("dev.samx?")
    shown = capsys.readouterr().out
    for part in ("sample, across", "SimPositioner", "-50 to 50 mm"):
        assert part in shown


def test_the_way_back_needs_a_move(connected):
    result = connected.run_cell("%mv --back")
    assert "nothing to go back from" in str(result.error_in_exec)


def test_tab_offers_nothing_where_a_number_is_due(connected):
    assert tab(connected, "%scan line_scan samx ") == []
    assert tab(connected, "%scan line_scan samx -5 5 --steps 3 --exp-time ") == []


def test_a_card_is_shown_by_the_scans_number(connected):
    for word, said in (("7", "no scan 7"), ("last", "not 'last'")):
        result = connected.run_cell(f"%scan --show {word}")
        assert said in str(result.error_in_exec)


def test_tab_without_an_instance_offers_nothing(shell):
    assert tab(shell, "%scan li") == []


def test_the_help_of_scan_lists_the_scans(connected):
    found = connected.object_inspect("scan", detail_level=0)
    magic = connected.find_magic("scan")
    assert "line_scan" in magic.getdoc()
    assert found["found"] or magic is not None


def test_one_scan_is_explained(connected):
    text = repr(connected.run_line_magic("scan", "--help line_scan"))
    assert "--steps" in text
    assert "line_scan samx -5 5 --steps 21" in text


def test_scan_without_words_lists_the_scans(connected):
    assert "ascan" in repr(connected.run_line_magic("scan", ""))


def test_virtual_needs_private(shell, capsys):
    result = shell.run_cell("%instance --virtual")
    assert isinstance(result.error_in_exec, RefusedError)


def test_queue_shows_the_queue_and_explains_its_words(connected):
    assert repr(connected.run_line_magic("queue", "")) == (
        "queue primary: running, empty"
    )
    assert "suspend_unless RULE" in connected.find_magic("queue").getdoc()
    result = connected.run_cell("%queue pausse")
    assert "did you mean pause?" in str(result.error_in_exec)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("%scan acquire --metadata mo", ["mode="]),
        ("%scan acquire --metadata mode=s", ["step"]),
        ("%scan acquire --metadata mode=", ["fly", "step"]),
        ('scans.acquire(metadata={"mo', ["mode"]),
        ('scans.acquire(metadata={"shots": 1, "mode": "s', ["step"]),
        ("bec.metadata['", ["mode", "shots"]),
        ('bec.metadata["mode"] = "', ["fly", "step"]),
    ],
)
def test_tab_offers_the_metadata_the_site_knows(connected, bus, typed, wanted):
    mode = MetadataField(name="mode", kind="str", choices=["fly", "step"])
    shots = MetadataField(name="shots", kind="int", choices=[1, 2])
    bus.commit([Put(keys.metadata(), MetadataSchema(fields=[mode, shots]), "site")])
    assert tab(connected, typed) == wanted
    assert {"1", "2", "scans"} <= {*tab(connected, "bec.metadata['shots'] = ")}


def test_help_is_also_asked_for_behind_a_scans_name(connected):
    told = repr(connected.run_cell("%scan line_scan --help").result)
    assert told == repr(connected.run_cell("%scan --help line_scan").result)
    assert told.startswith("line_scan motor start stop")


def test_a_count_of_less_than_no_time_is_refused_as_that(connected):
    error = connected.run_cell("%ct -1").error_in_exec
    assert "exp_time (s): -1.0 is" in str(error)
