"""Who may do what: each user logs in and tries every key at the broker itself."""

import pytest
import redis

from bec_kernel.wire import ROLES, RULES

PERSONS = ["ada", "bob"]
USERS = [*ROLES, *PERSONS]


def logged_in(folder, user):
    return redis.Redis.from_url(folder.url(user), protocol=2)


@pytest.fixture(params=USERS)
def user(request):
    return request.param


@pytest.fixture
def client(broker_folder, user):
    with logged_in(broker_folder, user) as found:
        yield found


def keys_of(rule):
    """(key, its owner if a person) of a rule, for each person."""
    count = rule.pattern.count("{}")
    for person in PERSONS:
        parts = ["x"] * (count - 1) + [person] if count else []
        yield "{bec}:" + rule.pattern.format(*parts), person


def refused(command, *words) -> bool:
    try:
        command(*words)
    except redis.exceptions.NoPermissionError:
        return True
    except redis.exceptions.ResponseError:
        return False  # let in, and told that it makes no sense
    return False


def write(client, key, kind):
    match kind:
        case "log" | "inbox":
            return refused(client.xadd, key, {"m": b""})
        case "fields":
            return refused(client.hset, key, "f", b"")
    return refused(client.set, key, b"")


def read(client, key, kind):
    match kind:
        case "log" | "inbox":
            return refused(client.xrange, key)
        case "fields":
            return refused(client.hgetall, key)
    return refused(client.get, key)


def may_write(user, rule, person):
    return user == person if rule.kind == "inbox" else user in rule.writers


def may_read(user, rule, person):
    if may_write(user, rule, person):
        return True
    if rule.kind == "inbox":
        return rule.pattern.split("/")[1] == user
    return rule.readers == "everyone" or user in ROLES


CASES = [
    pytest.param(rule, key, person, id=f"{rule.pattern}-{person}")
    for rule in RULES
    for key, person in keys_of(rule)
    if person == "ada" or rule.kind == "inbox"
]


@pytest.mark.parametrize(("rule", "key", "person"), CASES)
def test_everybody_writes_and_reads_what_is_theirs_and_nothing_else(
    broker_folder, rule, key, person
):
    for user in USERS:
        with logged_in(broker_folder, user) as client:
            wrote = not write(client, key, rule.kind)
            assert wrote == may_write(user, rule, person), f"{user} writes {key}"
            saw = not read(client, key, rule.kind)
            assert saw == may_read(user, rule, person), f"{user} reads {key}"


@pytest.mark.parametrize(
    "words",
    [
        "EVAL|return 1|0",
        "EVALSHA|0000000000000000000000000000000000000000|0",
        "FUNCTION|LIST",
        "SCRIPT|FLUSH",
        "PUBLISH|{bec}:pub/scan_server/queues|x",
        "SET|{bec}:ask/scan_server/ada|x",
        "DEL|{bec}:ask/scan_server/ada",
        "XTRIM|{bec}:ask/scan_server/ada|MAXLEN|0",
        "SUBSCRIBE|{other}:x",
    ],
)
@pytest.mark.parametrize("person", PERSONS)
def test_a_person_appends_and_reads_and_does_nothing_else(broker_folder, person, words):
    with logged_in(broker_folder, person) as client:
        assert refused(client.execute_command, *words.split("|"))


@pytest.mark.parametrize(
    "words",
    [
        "KEYS|*",
        "SCAN|0",
        "FLUSHALL",
        "CONFIG|GET|*",
        "CONFIG|SET|dir|/tmp",
        "ACL|LIST",
        "SHUTDOWN|NOSAVE",
        "CLIENT|KILL|TYPE|normal",
        "MONITOR",
        "REPLICAOF|127.0.0.1|1",
        "GET|{other}:pub/launcher/users",
        "GET|elsewhere",
    ],
)
def test_nobody_rules_the_broker_or_looks_into_another_instance(client, words):
    assert refused(client.execute_command, *words.split("|"))


def test_a_script_reaches_no_further_than_its_user(broker_folder):
    script = "return redis.call('SET', KEYS[1], 'x')"
    with logged_in(broker_folder, "scihub") as client:
        assert refused(client.eval, script, 1, "{bec}:pub/launcher/users")
        hidden = "return redis.call('SET', '{bec}:pub/launcher/users', 'x')"
        with pytest.raises(redis.exceptions.ResponseError, match="permission"):
            client.eval(hidden, 0)


def test_nobody_comes_in_without_a_password(broker_folder):
    path = str(broker_folder.socket)
    with (
        redis.Redis(unix_socket_path=path, protocol=2) as client,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        client.ping()
