"""Pure: a line split into words, and the words into options and positional ones.

One tokenizer and one option parser for all lines a person types: scans, queue, history.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from bec_kernel.errors import RefusedError
from bec_kernel.language.format import ESCAPES, TRUTH, dashed

_PAIRS = {"[": "]", "{": "}"}

DRY = "--dry"
"""Option of every scan: forecast it, and do nothing."""


class Word(str):
    """One word of a line.

    Attributes:
        quoted: index of its first quoted character; None: nothing is quoted.
    """

    __slots__ = ("quoted",)
    quoted: int | None

    def __new__(cls, text: str, quoted: int | None = None) -> "Word":
        """Make a word of `text`."""
        word = super().__new__(cls, text)
        word.quoted = quoted
        return word


class _Cutter:
    def __init__(self, line: str) -> None:
        self.line = line
        self.words: list[Word] = []
        self.parts: list[str] = []
        self.inside = False
        self.quoted: int | None = None
        self.open = ""
        self.at = 0

    def take(self) -> str:
        char = self.line[self.at]
        self.at += 1
        return char

    def run(self) -> None:
        while self.at < len(self.line):
            char = self.take()
            if char.isspace():
                self.end()
                continue
            self.inside = True
            if char in "\"'":
                if self.quoted is None:
                    self.quoted = sum(map(len, self.parts))
                self.quotes(char)
            elif char in _PAIRS:
                self.brackets(char)
            else:
                self.parts.append(char)

    def quotes(self, mark: str) -> None:
        while self.at < len(self.line):
            char = self.take()
            if char == mark:
                return
            if char == "\\" and self.at < len(self.line):
                char = self.take()
                char = ESCAPES.get(char, char)
            self.parts.append(char)
        self.open = mark

    def brackets(self, char: str) -> None:
        """Keep everything up to the last closing bracket unchanged."""
        self.parts.append(char)
        closing = [_PAIRS[char]]
        string = False
        while closing and self.at < len(self.line):
            char = self.take()
            self.parts.append(char)
            if string and char == "\\" and self.at < len(self.line):
                self.parts.append(self.take())
            elif char == '"':
                string = not string
            elif not string:
                _balance(char, closing)
        if closing:
            self.open = closing[-1]

    def end(self) -> None:
        if self.inside:
            self.words.append(Word("".join(self.parts), self.quoted))
        self.parts, self.inside, self.quoted = [], False, None


def _balance(char: str, closing: list[str]) -> None:
    if char in _PAIRS:
        closing.append(_PAIRS[char])
    elif char == closing[-1]:
        closing.pop()


def split_words(line: str) -> list[Word]:
    """Split a line into words; quotes and brackets hold words together.

    Raises:
        RefusedError: a quote or a bracket is not closed.
    """
    cutter = _Cutter(line)
    cutter.run()
    cutter.end()
    if cutter.open:
        raise RefusedError(
            f"a closing {cutter.open} is missing in: {line.strip()}", value=line
        )
    return cutter.words


def split_unfinished(line: str) -> tuple[list[Word], Word]:
    """Split an unfinished line into its finished words and the one being typed."""
    cutter = _Cutter(line)
    cutter.run()
    return cutter.words, Word("".join(cutter.parts), cutter.quoted)


class Option(NamedTuple):
    """How an option is written.

    Attributes:
        name: as in Python: `exp_time` for `--exp-time`.
        kind: `value`: `--name VALUE` or `--name=VALUE`; `flag`: `--name` alone; `bool`:
            `--name`, `--no-name` or `--name true`.
        takes: what its value is, for the error where there is none.
    """

    name: str
    kind: Literal["value", "flag", "bool"] = "value"
    takes: str = ""


class GivenOption(NamedTuple):
    """An option of a line, with its value; a flag that stands alone is True."""

    name: str
    value: Word | bool


def is_option(word: Word) -> bool:
    """Tell whether a word begins an option; `"--text"` in quotes does not."""
    return word.startswith("--") and word.quoted != 0


def read_options(
    words: Sequence[Word],
    options: Mapping[str, Option],
    unknown: Callable[[str], RefusedError],
) -> Iterator[Word | GivenOption]:
    """Yield the positional words and the options of a line, in their order.

    Args:
        words: of the line; an option may be `--exp-time 1`, `--exp_time=1` or a flag.
        options: by name.
        unknown: makes the error for an option that is not among them.

    Raises:
        RefusedError: an option is unknown, or has no value.
    """
    rest = [*words]
    while rest:
        word = rest.pop(0)
        if not is_option(word):
            yield word
            continue
        written, equals, text = word.partition("=")
        value = Word(text, word.quoted) if equals else None
        name = written[2:].replace("-", "_")
        option = options.get(name)
        if option is None:
            denied = options.get(name.removeprefix("no_"))
            if denied is None or denied.kind != "bool" or value is not None:
                raise unknown(name)
            yield GivenOption(denied.name, value=False)
        else:
            yield GivenOption(name, _value(option, value, rest))


def _value(option: Option, given: Word | None, rest: list[Word]) -> Word | bool:
    """Take the value of an option, from the next word where it is not behind `=`."""
    if given is not None:
        return given
    if option.kind == "flag":
        return True
    if option.kind == "bool":
        return rest.pop(0) if rest and rest[0].lower() in TRUTH else True
    if not rest or is_option(rest[0]):
        takes = f" ({option.takes})" if option.takes else ""
        raise RefusedError(
            f"{dashed(option.name)} needs a value{takes}", subject=dashed(option.name)
        )
    return rest.pop(0)
