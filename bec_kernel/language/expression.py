"""Pure: numeric expressions of a small, safe language, such as `bpm4i / monitor`."""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
            raise ValueError(f"{source!r:.80} is not an expression: {error}") from None
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
