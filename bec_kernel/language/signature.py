"""Pure: published signatures of scans: how one is found, its options, its forms.

A form is an alias with its own words, as `ascan samx 0 1 20 0.1` for a line scan. It is
published as data with its scan: clients and the scan server read the same.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language.suggestion import nearest, refuse_unknown
from bec_kernel.wire import Form, Parameter, Signature

Catalogue = Mapping[str, Signature]
"""Signatures of scans by name."""
Naming = Callable[[str], str]
"""How a front end writes an option: `--exp-time` or `exp_time=`."""

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


def find_signature(name: str, catalogue: Catalogue) -> Signature:
    """Find a signature by the name of a scan, an alias or a form.

    Raises:
        RefusedError: no scan has this name or alias.
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
    """List a scan's own options, then the common ones it does not override."""
    own = {p.name for p in signature.options}
    return [
        *signature.options,
        *(p for p in (METADATA, QUEUE, NOWAIT) if p.name not in own),
    ]


def keyword(name: str) -> str:
    """Write an option as a Python keyword argument: `steps=`."""
    return f"{name}="


def no_option(signature: Signature, name: str, naming: Naming) -> RefusedError:
    """Make the error for an option that the scan does not have."""
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


def parameter_meaning(parameter: Parameter) -> str:
    """Describe a parameter: its unit and its documentation."""
    unit = "motor units" if parameter.unit == "motor" else parameter.unit
    return ", ".join(part for part in (unit, parameter.doc or parameter.kind) if part)


# --- forms ----------------------------------------------------------------------------
def form_named(forms: Sequence[Form], name: str) -> Form | None:
    """Find a form by its name; None where there is none."""
    return next((form for form in forms if form.name == name), None)


def as_signature(signature: Signature, form: Form) -> Signature:
    """Make the signature of a form, for completion, binding and help."""
    preset = form.preset
    given = {word.option for word in form.words} | preset.keys()

    def option(one: Parameter) -> Parameter:
        return msgspec.structs.replace(
            one,
            required=one.required and one.name not in given,
            default=preset.get(one.name, one.default),
        )

    least = int(any(word.parameter.required for word in form.words))
    return Signature(
        name=form.name,
        doc=form.doc,
        # A word that is an option may be given as one, so it may be missing here.
        bundle=[
            msgspec.structs.replace(
                word.parameter, required=word.parameter.required and not word.option
            )
            for word in form.words
        ],
        bundles=(least, 1),
        options=[option(one) for one in signature.options],
        example=form.example,
        is_scan=signature.is_scan,
        forms=[form],
        form_of=signature.name,
    )
