"""An instance as seen by the command line: start it, find it, end it."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bec_kernel.errors import DeadlineError, InstanceError
from bec_kernel.instance import (
    Folder,
    Note,
    find_instance,
    nearest_folder,
    read_note,
    running_instances,
)

if TYPE_CHECKING:
    import psutil

    from bec_kernel.client import Client

DATA = Path("data")
"""Default folder of a new instance."""
_STOP = 15.0
_LAST_PORT = 65535

Say = Callable[[str], None]


class Launched:
    """A launcher that this process has started.

    Attributes:
        process: the launcher.
        data: the instance's folder.
    """

    def __init__(self, data: Path, words: list[str]) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bec_services.launcher", "--data", data, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; it ends when we do
        )

    def wait_ready(self, say: Say) -> str:
        """Return the launcher's line when everything is there; `say` those before it.

        Raises:
            InstanceError: it could not be started; the text is the launcher's.
        """
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for line in self.process.stdout:
            if line.startswith("ready "):
                return line.strip().removeprefix("ready ")
            say(line.strip())
        said = self.process.stderr.read().strip().splitlines()
        code = self.process.wait(_STOP)
        silent = f"the launcher ended without a word (exit code {code})"
        raise InstanceError(said[-1] if said else silent)

    def stop(self, say: Say) -> None:
        """End the instance and wait until all its processes have ended."""
        if self.process.poll() is None:
            say(f"stopping    the instance in {self.data}")
        self.process.terminate()
        try:
            self.process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its children end with it
            self.process.wait(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def launcher_words(
    *,
    virtual: bool = False,
    devices: Path | None = None,
    sim: Path | None = None,
    port: int = 0,
    upgrade: bool = False,
) -> list[str]:
    """Return the options of a launcher.

    Raises:
        InstanceError: two device lists, or no such port.
    """
    if devices and sim:
        raise InstanceError(
            "--devices and --sim both name a device list; name one of them",
            value=f"{devices}, {sim}",
        )
    if not 0 <= port <= _LAST_PORT:
        raise InstanceError(
            f"--port is a number from 1 to {_LAST_PORT}, or 0 for any free one, not "
            f"{port}",
            value=str(port),
        )
    words = ["--virtual"] if virtual else []
    words += ["--upgrade"] if upgrade else []
    words += ["--devices", str(devices)] if devices else []
    words += ["--sim", str(sim)] if sim else []
    return words + (["--port", str(port)] if port else [])


def start_detached(data: Path, words: list[str], say: Say) -> str:
    """Start an instance that outlives this process; return where it is.

    Raises:
        InstanceError: it could not be started.
    """
    launched = Launched(data, words)
    try:
        return launched.wait_ready(say)
    except BaseException:
        launched.stop(say)
        raise


@contextlib.contextmanager
def instance(data: Path, words: list[str], say: Say) -> Iterator[tuple[Path, bool]]:
    """Give the instance of a folder: that runs, or that lives as long as the block.

    Yields:
        The folder, and whether the instance was started here.
    """
    note = read_note(Folder(data.resolve()).note)
    if note is not None:
        yield note.data, False
        return
    launched = Launched(data.resolve(), [*words, "--with-input"])
    try:
        say(f"starting    an instance in {launched.data}")
        launched.wait_ready(say)
        say(f"ready       after {age():.1f} s")
        yield launched.data, True
    finally:
        launched.stop(say)


def folder(data: Path | None) -> Path:
    """Return the folder of the running instance, or `data/` here to start one.

    Raises:
        InstanceError: none was named, and several run.
    """
    if data is None and (own := nearest_folder()) is not None:
        return own
    return data or (find_instance().data if running_instances() else DATA)


def the_instance(data: Path | None, *, elsewhere: bool = False) -> Note:
    """Return the running instance in `data`, or the one that is meant.

    Args:
        data: a folder; None: that of the environment, or as `config.find` says.
        elsewhere: see `config.find`.

    Raises:
        InstanceError: there is none, or several.
    """
    if data is None and os.environ.get("BEC_REDIS"):
        data = _of_environment()
    if data is None:
        return find_instance(elsewhere=elsewhere)
    note = read_note(Folder(data.resolve()).note)
    if note is None:
        raise InstanceError(
            f"no instance runs in {data.resolve()}; start one: bec up --data {data}"
        )
    return note


def say_if_elsewhere(found: Path, named: Path | None) -> None:
    """Print the folder of an instance that was found elsewhere, to stderr."""
    if named is not None or os.environ.get("BEC_REDIS"):
        return
    own = nearest_folder()
    if own == found.resolve():
        return
    here = f"no instance runs in {own}; " if own else ""
    sys.stderr.write(f"{here}this is the one in {found.resolve()}\n")


def shown(client: "Client") -> str:
    """Name the instance that a client is connected to."""
    if not client.data:
        return client.url
    return f"the instance in {Path(client.data).resolve()}"


def _of_environment() -> Path:
    if folder := os.environ.get("BEC_DATA"):
        return Path(folder)
    raise InstanceError(
        "BEC_REDIS names a broker, and BEC_DATA no folder of its instance; name it "
        "with --data",
        subject="BEC_REDIS",
    )


def age() -> float:
    """Return the time since this process was started, imports included, s."""
    import psutil

    return time.time() - psutil.Process().create_time()


def end(note: Note) -> None:
    """End an instance, and wait until all its processes have ended.

    Raises:
        DeadlineError: it did not.
    """
    import psutil

    try:
        launcher = psutil.Process(note.pid)
        launcher.terminate()
        _wait_gone(launcher, note)
    except psutil.NoSuchProcess:
        return  # between two looks


def _wait_gone(launcher: "psutil.Process", note: Note) -> None:
    deadline = time.monotonic() + _STOP
    nap = threading.Event()
    while launcher.is_running() and launcher.status() != "zombie":
        if time.monotonic() > deadline:
            raise DeadlineError(
                f"the instance in {note.data} (launcher's pid {note.pid}) did not end "
                f"within {_STOP:.0f} s"
            )
        nap.wait(0.02)
