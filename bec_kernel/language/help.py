"""Pure: help texts of scans, and their Python signatures."""

import inspect
from typing import Any

from bec_kernel.language.format import dashed, show
from bec_kernel.language.metadata import NO_FIELDS, Fields, field_help
from bec_kernel.language.signature import (
    METADATA,
    Catalogue,
    find_signature,
    options_of,
    parameter_meaning,
)
from bec_kernel.language.tokenizer import DRY
from bec_kernel.wire import Form, Parameter, Signature


def help_text(name: str, catalogue: Catalogue, fields: Fields = NO_FIELDS) -> str:
    """Format the help of a scan: what it does, its parameters, an example.

    Raises:
        RefusedError: no scan has this name or alias.
    """
    return explain_signature(find_signature(name, catalogue), fields)


def explain_signature(signature: Signature, fields: Fields = NO_FIELDS) -> str:
    """Format a signature, and the metadata fields of the site, as help text."""
    words = [p.name for p in signature.bundle]
    if signature.form_of:
        words = [name for form in signature.forms for name in _names(form)]
    names = " ".join(words)
    more = " …" if names and signature.bundles[1] != 1 else ""
    needs = "".join(
        f" {dashed(p.name)} {p.kind}" for p in signature.options if p.required
    )
    lines = [f"{signature.name} {names}{more}{needs}".replace("  ", " ").rstrip(), ""]
    lines += [signature.doc.strip(), ""] if signature.doc else []
    rows = [(p.name, p) for p in signature.bundle]
    rows += [(dashed(p.name), p) for p in options_of(signature)]
    width = max((len(shown) for shown, _ in rows), default=0)
    lines += [f"  {shown:<{width}}  {_described(p)}" for shown, p in rows]
    lines += [f"  {DRY:<{width}}  only say what it would do, and how long"]
    lines += _site(fields) if signature.is_scan else []
    if signature.aliases:
        lines += ["", f"Also called: {', '.join(_aliases(signature))}"]
    if signature.form_of:
        lines += ["", f"A form of: {signature.form_of}"]
    if signature.example:
        lines += ["", f"Example: {signature.example}"]
    return "\n".join(lines)


def _site(fields: Fields) -> list[str]:
    """Lines on the metadata fields of the site."""
    if not fields:
        return []
    width = max(map(len, fields))
    rows = [f"  {name:<{width}}  {field_help(one)}" for name, one in fields.items()]
    return ["", "Metadata this site knows, as in --metadata name=value:", *rows]


def _aliases(signature: Signature) -> list[str]:
    """Aliases; a form is followed by its words."""
    words = {form.name: _names(form) for form in signature.forms}
    return [" ".join([name, *words.get(name, [])]) for name in signature.aliases]


def _names(form: Form) -> list[str]:
    """Words of a form; optional ones in brackets."""
    parameters = [word.parameter for word in form.words]
    return [p.name if p.required else f"[{p.name}]" for p in parameters]


def _described(parameter: Parameter) -> str:
    parts = [parameter_meaning(parameter)]
    if parameter.choices:
        parts.append(f"one of {', '.join(parameter.choices)}")
    if parameter.low is not None:
        parts.append(f"from {show(parameter.low)}")
    if parameter.high is not None:
        parts.append(f"up to {show(parameter.high)}")
    if not parameter.required and parameter.default not in (None, "", []):
        parts.append(f"default {show(parameter.default)}")
    return ", ".join(parts)


_TYPES: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "str": str,
    "number_list": list[float],
    "device_list": list[str],
    "number_lists": list[list[float]],
}


def call_signature(signature: Signature) -> inspect.Signature:
    """Make the Python signature: bundles as `*args`, options as keywords."""
    empty, kinds = inspect.Parameter.empty, inspect.Parameter
    parameters = []
    if signature.bundle:
        name = "_".join(p.name for p in signature.bundle)
        parameters.append(kinds(name, kinds.VAR_POSITIONAL))
    for option in options_of(signature):
        kind = _TYPES.get(option.kind, empty)
        parameters.append(
            kinds(
                option.name,
                kinds.KEYWORD_ONLY,
                default=empty if option.required else option.default,
                annotation=dict | None if option is METADATA else kind,
            )
        )
    return inspect.Signature(parameters)
