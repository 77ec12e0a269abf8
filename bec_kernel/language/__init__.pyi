from .command_line import (
    Candidate as Candidate,
    as_part as as_part,
    bind as bind,
    call_signature as call_signature,
    complete as complete,
    explain as explain,
    find as find,
    help_text as help_text,
    parse as parse,
    read_parts as read_parts,
    take_dry as take_dry,
)
from .expression import Expression as Expression
from .format import show as show, summary as summary
from .forms import form_named as form_named, unfold as unfold
from .labels import (
    ending as ending,
    fit_words as fit_words,
    headline as headline,
    length as length,
    main_signal as main_signal,
    place as place,
    size as size,
)
from .metadata import (
    KINDS as KINDS,
    check_metadata as check_metadata,
    check_value as check_value,
    fields_of as fields_of,
    meaning as meaning,
    refused as refused,
)
from .times import Moment as Moment, moment as moment
from .tokenizer import split as split, split_open as split_open
from .values import nearest as nearest, refuse_unknown as refuse_unknown
