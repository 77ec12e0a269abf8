"""What a published signature says: its options, what they mean, how it is found."""

from collections.abc import Callable, Mapping

from bec_kernel.errors import RefusedError
from bec_kernel.language.forms import as_signature, form_named
from bec_kernel.language.values import nearest, refuse_unknown
from bec_kernel.wire import Parameter, Signature

Catalogue = Mapping[str, Signature]
"""Signatures by the scan's name."""
Naming = Callable[[str], str]
"""How a front end writes an option: `--exp-time` or `exp_time=`."""
Candidate = tuple[str, str]
"""A word one may type here, and what it means: unit and description."""

METADATA = Parameter(
    name="metadata", kind="str", doc="name=value, kept with the scan", whole=True
)
QUEUE = Parameter(
    name="scan_queue", kind="str", default="primary", doc="queue it joins", whole=True
)
NOWAIT = Parameter(
    name="nowait",
    kind="bool",
    default=False,
    doc="refused where it could not begin at once",
    whole=True,
)


def find(name: str, catalogue: Catalogue) -> Signature:
    """Return the signature of a scan, by its name or an alias; that of its form, too.

    Raises:
        RefusedError: there is no such scan.
    """
    if name in catalogue:
        return catalogue[name]
    for signature in catalogue.values():
        if name in signature.aliases:
            form = form_named(signature.forms, name)
            return as_signature(signature, form) if form else signature
    known = [*catalogue, *(a for s in catalogue.values() for a in s.aliases)]
    raise refuse_unknown("scan", name, known)


def options_of(signature: Signature) -> list[Parameter]:
    """A scan's own options; those of the queue too, where it has none of that name."""
    own = {p.name for p in signature.options}
    return [
        *signature.options,
        *(p for p in (METADATA, QUEUE, NOWAIT) if p.name not in own),
    ]


def keyword(name: str) -> str:
    """Write an option as a Python keyword argument: `steps=`."""
    return f"{name}="


def no_option(signature: Signature, name: str, naming: Naming) -> RefusedError:
    """Return the error for an option that the scan does not have."""
    shown = [naming(p.name) for p in options_of(signature)]
    word = naming(name)
    begun = word.removesuffix("=")  # `st` begins `steps=`, `st=` does not
    is_begun = any(one.startswith(begun) for one in shown)
    return RefusedError(
        f"no option of {signature.name} {word}: "
        f"{nearest(begun if is_begun else word, shown)}",
        subject=f"option of {signature.name}",
        value=name,
        allowed=", ".join(sorted(shown)),
    )


def meaning(parameter: Parameter) -> str:
    """Describe a parameter: its unit and its documentation."""
    unit = "motor units" if parameter.unit == "motor" else parameter.unit
    return ", ".join(part for part in (unit, parameter.doc or parameter.kind) if part)
