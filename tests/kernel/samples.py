"""One encoded sample of every message, kept for ever: each must decode for ever.

``python tests/kernel/samples.py`` writes those of this version of the wire. Once a
version is released its file is never written again.
"""

import enum
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from bec_kernel.bus.codec import encode
from bec_kernel.wire import VERSION, AnswerStatus
from bec_kernel.wire.schema import messages

FOLDER = Path(__file__).with_name("wire_samples")
COMMAND = "python tests/kernel/samples.py"


def of(kind: Any) -> Any:
    """Return a message of ``kind`` with every field filled in."""
    return _fill(msgspec.inspect.type_info(kind))


def _fill(info: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - one case a type
    match info:
        case msgspec.inspect.StructType():
            values = {f.name: _fill(f.type) for f in info.fields}
            return info.cls(**values)
        case msgspec.inspect.EnumType():
            return _first(info.cls)
        case msgspec.inspect.UnionType():
            filled = (t for t in info.types if t != msgspec.inspect.NoneType())
            return _fill(next(filled))
        case msgspec.inspect.ListType():
            return [_fill(info.item_type)]
        case msgspec.inspect.TupleType():
            return tuple(_fill(one) for one in info.item_types)
        case msgspec.inspect.DictType():
            return {"key": _fill(info.value_type)}
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType():
            return 7
        case msgspec.inspect.FloatType():
            return 2.5
        case msgspec.inspect.StrType() | msgspec.inspect.AnyType():
            return "text"
    raise NotImplementedError(f"no sample of {info}")


def _first(kind: type[enum.Enum]) -> enum.Enum:
    return AnswerStatus.LOST if kind is AnswerStatus else next(iter(kind))


def text() -> str:
    """Return what the file of this version holds."""
    made = {kind.__name__: encode(of(kind)).hex() for kind in messages()}
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    path = FOLDER / f"{VERSION}.json"
    path.write_text(text())
    sys.stdout.write(f"{path}\n")
