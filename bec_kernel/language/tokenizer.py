"""A line cut into words, and a string made into one word again."""

from bec_kernel.errors import RefusedError
from bec_kernel.language.format import ESCAPES

_PAIRS = {"[": "]", "{": "}"}

DRY = "--dry"
"""Behind a scan's name, or before it: say what it would do, and do nothing."""


class Word(str):
    """One word of a line.

    Attributes:
        quoted: place of its first quoted character; None: nothing is quoted.
    """

    __slots__ = ("quoted",)
    quoted: int | None

    def __new__(cls, text: str, quoted: int | None = None) -> "Word":
        """Return `text` as a word."""
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
        """Keep everything up to the last closing one as it stands."""
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


def split(line: str) -> list[Word]:
    """Return the words of `line`; quotes and brackets hold words together.

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


def split_open(line: str) -> tuple[list[Word], Word]:
    """Return the finished words of an unfinished line, and the one being typed."""
    cutter = _Cutter(line)
    cutter.run()
    return cutter.words, Word("".join(cutter.parts), cutter.quoted)
