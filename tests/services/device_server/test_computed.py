"""Computed values know numbers, names and a few functions, and nothing else."""

import pytest

from bec_kernel.language.expression import Expression
from bec_services.device_server.clock import VirtualClock
from bec_sim import ComputedSignal, SimValue


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("a / b", 1.5),
        ("2 * a - -b ** 2", 10),
        ("np.sqrt(a + 1) + max(a, b) % 2", 3),
        ("pi * 0 + math.hypot(a, 4)", 5),
        ("def compute(x, y):\n    return x.get() * y.get()\n", 6),
    ],
)
def test_an_expression_has_the_value_python_would_give_it(source, value):
    made = Expression(source, ["a", "b"])
    assert made(dict(zip(made.names, (3.0, 2.0), strict=True))) == value


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('ls')",
        "a.__class__",
        "open('x')",
        "(lambda: 1)()",
        "[x for x in a]",
        "'text'",
        "np.load('x')",
        "a if b else a",
        "import os",
        "def f(a):\n    import os\n    return a\n",
        "a = 1",
        "a.get(1)",
        "c",
        "(" * 3000,
        "(" * 300 + ")" * 300,
    ],
)
def test_anything_else_is_refused(source):
    with pytest.raises(ValueError, match=r"expression|characters"):
        Expression(source, ["a", "b"])


def test_a_huge_power_is_refused_when_it_is_computed():
    with pytest.raises(ValueError, match="exponent"):
        Expression("9 ** 9 ** 9")({})


def test_a_computed_signal_follows_its_inputs():
    clock, devices = VirtualClock(), {}
    for name, value in (("i0", 2.0), ("i_1", 8.0)):
        devices[name] = SimValue(name=name, clock=clock, value=value)
    inputs = ["i_1_readback", "i0"]
    made = ComputedSignal(
        name="ratio",
        clock=clock,
        devices=devices,
        expression="i_1_readback / i0",
        input_signals=inputs,
    )
    assert made.read()["ratio"]["value"] == 4
    devices["i0"].set(4.0)
    assert made.read()["ratio"]["value"] == 2
    devices.pop("i0")
    with pytest.raises(LookupError, match="no device of the signal 'i0'"):
        made.read()
