"""Pure: published signatures of scans: how one is found, its options, its forms.

A form is an alias with its own words, as `ascan samx 0 1 20 0.1` for a line scan. It is
published as data with its scan: clients and the scan server read the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bec_kernel.errors import RefusedError
from bec_kernel.language.suggestion import nearest, refuse_unknown
from bec_kernel.wire import Form, FormWord, Parameter, Signature

Catalogue = Mapping[str, Signature]
"""Signatures of scans by name."""
Naming = Callable[[str], str]
"""How a front end writes an option: `--exp-time` or `exp_time=`."""
Candidate = tuple[str, str]
"""A word that can be typed here, and its meaning: unit and description."""

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


def refuse_surplus(form: Form, args: Sequence[Any]) -> None:
    """Refuse more positional values than a form has words.

    Raises:
        RefusedError: it names the first value that does not fit.
    """
    known = [word.parameter.name for word in form.words]
    if len(args) > len(known):
        raise RefusedError(
            f"{form.name} takes {' '.join(known)}: {args[len(known)]!r:.60} does not "
            f"fit, as in: {form.example}",
            subject=form.name,
            value=f"{args[len(known)]!r:.60}",
            allowed=" ".join(known),
        )


def unfold_form(
    form: Form, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Convert the words of a form to positional values and options of its scan.

    Values are not checked here; `bind` does that.

    Raises:
        RefusedError: there are too many words, one is missing, or an option is given
            twice.
    """
    refuse_surplus(form, args)
    given: list[Any] = []
    options: dict[str, Any] = {}
    for word, value in zip(form.words, args, strict=False):
        if not word.option:
            given.append(_added(value, word.add))
        elif word.option in kwargs:
            name = word.parameter.name
            raise RefusedError(
                f"{form.name}: {word.option} is given twice, as {name} too",
                subject=word.option,
                value=f"{value!r:.60}",
            )
        else:
            options[word.option] = _added(value, word.add)
    for word in form.words[len(args) :]:
        if word.parameter.required and word.option not in kwargs:
            raise _missing(form, word)
    return given, {**form.preset, **options, **kwargs}


def _added(value: Any, more: int) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value + more if is_number and more else value


def _missing(form: Form, word: FormWord) -> RefusedError:
    parameter = word.parameter
    doc = f" ({parameter.doc})" if parameter.doc else ""
    return RefusedError(
        f"{form.name} needs {parameter.name}{doc}, as in: {form.example}",
        subject=parameter.name,
        allowed=" ".join(one.parameter.name for one in form.words),
    )
