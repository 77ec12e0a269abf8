"""What an IPython says of the magics: run as a program in the folder above `data/`."""

import sys

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

ASKED = ("scan --list", "queue --help", "scans --help")
TABBED = (
    "%scan ",
    "%scan line_scan samx 0 1 --",
    "%ct --",
    "%mv ",
    "%queue ",
    "%scans --",
    "dev.sa",
    "bec.",
    "queue.",
    "history.",
    "scans.",
    "dev.samx.",
)


def main() -> None:
    """Load the extension and print names, help and completions."""
    config = Config()
    config.HistoryManager.enabled = False
    config.Completer.use_jedi = False
    shell = InteractiveShell(config=config)
    tables = shell.magics_manager.magics
    before = {kind: dict(table) for kind, table in tables.items()}
    names = set(shell.user_ns)
    shell.run_line_magic("load_ext", "bec_magics")
    added = set(shell.user_ns) - names
    say("names in the notebook", " ".join(sorted(added)))
    for kind, table in sorted(tables.items()):
        new = sorted(n for n, one in table.items() if one != before[kind].get(n))
        say(f"{kind} magics", " ".join(new))
        for name in new:
            say(f"%{name}?", shell.object_inspect(f"%{name}", 0)["docstring"])
    for line in ASKED:
        say(f"%{line}", repr(shell.run_line_magic(*line.split(maxsplit=1))))
    for name in sorted(shell.user_ns["scans"].catalogue()):
        say(
            f"%scan --help {name}", repr(shell.run_line_magic("scan", f"--help {name}"))
        )
    for text in TABBED:
        with provisionalcompleter():
            found = {one.text for one in shell.Completer.completions(text, len(text))}
        if not text.startswith("%"):
            found = {one.rpartition(".")[2] for one in found}
        say(f"Tab behind {text!r}", " ".join(sorted(found)))


def say(title: str, text: str) -> None:
    """Print a title and a text, without blanks at the ends of lines."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    sys.stdout.write("\n".join([f"===== {title}", *lines]) + "\n")


if __name__ == "__main__":
    main()
