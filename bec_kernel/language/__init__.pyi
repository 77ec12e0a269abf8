from .command_line import (
    as_part as as_part,
    bind_parts as bind_parts,
    format_line as format_line,
    parse_line as parse_line,
    request_of as request_of,
    take_dry as take_dry,
)
from .completion import Candidate as Candidate, complete_line as complete_line
from .expression import Expression as Expression
from .format import dashed as dashed, show as show, summary as summary
from .help import (
    call_signature as call_signature,
    explain_signature as explain_signature,
    help_text as help_text,
)
from .labels import (
    duration_text as duration_text,
    ending_text as ending_text,
    fit_words as fit_words,
    headline as headline,
    main_signal as main_signal,
    queue_place as queue_place,
    size_text as size_text,
)
from .metadata import (
    KINDS as KINDS,
    check_metadata as check_metadata,
    check_value as check_value,
    field_meaning as field_meaning,
    fields_of as fields_of,
    refuse_metadata as refuse_metadata,
)
from .parameter import (
    Arguments as Arguments,
    bind as bind,
    unfold_form as unfold_form,
)
from .signature import (
    as_signature as as_signature,
    find_signature as find_signature,
    form_named as form_named,
)
from .suggestion import (
    closest as closest,
    nearest as nearest,
    refuse_unknown as refuse_unknown,
)
from .times import Moment as Moment, time_of as time_of
from .tokenizer import (
    GivenOption as GivenOption,
    Option as Option,
    Word as Word,
    read_options as read_options,
    split_unfinished as split_unfinished,
    split_words as split_words,
)
