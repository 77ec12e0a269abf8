"""A number that stands where the next motor would: which option it was meant for."""

from collections.abc import Collection, Sequence
from typing import Any

from bec_kernel.errors import RefusedError
from bec_kernel.language.signature import Naming
from bec_kernel.language.values import is_number
from bec_kernel.wire import Signature


def refuse_misplaced(
    signature: Signature, args: Sequence[Any], given: Collection[str], naming: Naming
) -> None:
    """Refuse a number where the next motor would stand, and say which option it is.

    Raises:
        RefusedError: one does, and a required number is missing.
    """
    bundle = signature.bundle
    missing = [p for p in signature.options if p.required and p.name not in given]
    numeric = next((p for p in missing if p.kind in ("int", "float")), None)
    if numeric is None:
        return
    for i in range(len(bundle), len(args)):
        parameter, value = bundle[i % len(bundle)], args[i]
        if parameter.kind == "device" and is_number(value):
            option = naming(numeric.name)
            shown = f"{option}{'' if option.endswith('=') else ' '}{value}"
            raise RefusedError(
                f"{signature.name} {parameter.name}: {value} is not a device; did you "
                f"mean {shown}?",
                subject=parameter.name,
                value=str(value),
                allowed=option,
            )
