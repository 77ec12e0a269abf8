"""A value computed from others, by an expression of a small, safe language."""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ophyd import Component, Device, Kind

from bec_services.device_server.clock import Clock
from bec_services.device_server.sim.device import Reading, SimDevice, SimSignal
from bec_services.device_server.sim.state import SimState

_LONGEST = 2000
_LARGEST_POWER = 64
_OF_MATH = (math.sqrt, math.exp, math.log, math.log10, math.hypot, math.atan2)
_OF_ANGLES = (math.sin, math.cos, math.tan, math.asin, math.acos, math.atan)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    one.__name__: one for one in (*_OF_MATH, *_OF_ANGLES, abs, min, max, round)
}
_CONSTANTS = {"pi": math.pi, "e": math.e}
_MODULES = ("np", "numpy", "math")
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_Value = Callable[[Mapping[str, float]], float]


class Expression:
    """Numbers, names, `+ - * / // % **`, a few functions: nothing else is understood.

    It is taken apart once and never given to Python to run.

    Args:
        source: `a / b`, or a function of one `return` as BEC's lists have it:
            `def f(a, b): return a.get() / b.get()`.
        names: What the names stand for, in order of a function's arguments.

    Raises:
        ValueError: it says what is not understood.
    """

    def __init__(self, source: str, names: Sequence[str] = ()) -> None:
        if len(source) > _LONGEST:
            raise ValueError(f"an expression has at most {_LONGEST} characters")
        try:
            body = ast.parse(source.strip()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"{source!r:.80} is no expression: {error}") from None
        node, self.names = _only_expression(body, names)
        self._value = self._made(node)

    def __call__(self, values: Mapping[str, float]) -> float:
        """Return its value for these values of its names."""
        return float(self._value(values))

    def _made(self, node: ast.AST) -> _Value:
        match node:
            case ast.Constant(value=int() | float() as value):
                return lambda _: value
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=op, operand=one) if type(op) in _UNARY:
                return _applied(_UNARY[type(op)], [self._made(one)])
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return _applied(_power, [self._made(left), self._made(right)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                both = [self._made(left), self._made(right)]
                return _applied(_BINARY[type(op)], both)
            case ast.Call(func=function, args=args, keywords=[]):
                return self._call(function, args)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                module in _MODULES and name in _CONSTANTS
            ):
                return lambda _: _CONSTANTS[name]
        raise _not_understood(node)

    def _name(self, name: str) -> _Value:
        if name in self.names:
            return lambda values: values[name]
        if name in _CONSTANTS:
            return lambda _: _CONSTANTS[name]
        allowed = ", ".join([*self.names, *_CONSTANTS])
        raise ValueError(f"{name!r:.60} is not known in an expression; {allowed} are")

    def _call(self, function: ast.expr, args: list[ast.expr]) -> _Value:
        match function:
            case ast.Attribute(value=ast.Name(id=name), attr="get") if (
                name in self.names and not args
            ):
                return self._name(name)
            case ast.Name(id=name) if name in _FUNCTIONS:
                pass
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                module in _MODULES and name in _FUNCTIONS
            ):
                pass
            case _:
                raise _not_understood(function)
        return _applied(_FUNCTIONS[name], [self._made(one) for one in args])


def _only_expression(
    body: list[ast.stmt], names: Sequence[str]
) -> tuple[ast.expr, list[str]]:
    match body:
        case [ast.Expr(value=value)]:
            return value, list(names)
        case [ast.FunctionDef(args=arguments, body=[*_, ast.Return(value=value)])] if (
            value is not None and len(body[0].body) == 1  # type: ignore[attr-defined]
        ):
            return value, [one.arg for one in arguments.args]
    raise ValueError(
        "an expression is needed, like 'a / b', or a function of one return"
    )


def _applied(function: Callable[..., Any], parts: list[_Value]) -> _Value:
    return lambda values: function(*(part(values) for part in parts))


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > _LARGEST_POWER:
        raise ValueError(f"an exponent is at most {_LARGEST_POWER}, not {exponent:g}")
    return float(base) ** exponent  # type: ignore[no-any-return]


def _not_understood(node: ast.AST) -> ValueError:
    return ValueError(
        f"{ast.unparse(node)[:60]!r} is not understood in an expression: it has "
        f"numbers, names, + - * / // % ** and {', '.join(_FUNCTIONS)}"
    )


class ComputedSignal(SimDevice):
    """A number computed from other devices' readings whenever it is read.

    Keys of a reading: `<name>` (hinted).

    Args:
        expression: see `Expression`; in terms of `a`, `b`, … or of the inputs' names.
        compute_method: The same under BEC's name.
        input_signals: Signals by their names, `bpm4i_readback`, in the order of the
            function's arguments (or `a`, `b`, …).
    """

    value = Component(SimSignal, kind=Kind.hinted, value=0.0)

    def __init__(
        self,
        prefix: str = "",
        *,
        name: str,
        clock: Clock,
        devices: Mapping[str, Device] | None = None,
        state: SimState | None = None,
        expression: str = "",
        compute_method: str = "",
        input_signals: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, name=name, clock=clock, state=state, **kwargs)
        self.value.name = self.name
        self._devices = {} if devices is None else devices
        self._inputs = list(input_signals)
        source = expression or compute_method or "0"
        letters = [chr(ord("a") + i) for i in range(len(self._inputs))]
        named = self._inputs if _speaks_of(source, self._inputs) else letters
        self._expression = Expression(source, named)
        if len(self._expression.names) != len(self._inputs):
            raise ValueError(
                f"{name} computes with {len(self._expression.names)} arguments and has "
                f"{len(self._inputs)} input_signals"
            )

    def read(self) -> Reading:
        """Compute it now.

        Raises:
            LookupError: an input is no signal of a device.
        """
        self.get()
        return super().read()

    def get(self, **_: Any) -> float:
        """Compute it now."""
        pairs = zip(self._expression.names, self._inputs, strict=True)
        found = self._expression({name: self._input(full) for name, full in pairs})
        self.value.show(found)
        return found

    def _input(self, full: str) -> float:
        """Return the newest value of a signal by its whole name."""
        parts = full.split("_")
        for end in range(len(parts), 0, -1):
            device = self._devices.get("_".join(parts[:end]))
            if device is not None:
                return _signal_of(device, full)
        raise LookupError(f"{self.name}: there is no device of the signal {full!r}")


def _speaks_of(source: str, names: Sequence[str]) -> bool:
    return "def " not in source and any(name in source for name in names)


def _signal_of(device: Device, full: str) -> float:
    readings = device.read()
    rest = full.removeprefix(device.name).lstrip("_")
    is_main = rest in ("", "readback", "value")
    reading = readings.get(full) or (readings.get(device.name) if is_main else None)
    if reading is None:
        raise LookupError(
            f"{device.name} has no signal {full!r}: it has {', '.join(readings)}"
        )
    return float(reading["value"])
