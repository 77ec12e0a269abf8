"""An instance of one's own: started for this IPython, and gone with it."""

import atexit
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from bec_kernel.client import Client, connect
from bec_kernel.errors import InstanceError
from bec_kernel.instance import Folder, person

LAUNCHER = (sys.executable, "-m", "bec_services.launcher", "--with-input")
TIDY = ("/bin/sh", "-c", '"$@"; rm -rf -- "$0"')
"""Removes the folder when the launcher has ended, also where a kernel was killed."""
READY = 30.0
"""So long (s) an instance may take to come up."""
DOWN = 10.0
"""So long (s) it may take to stop; then it is killed."""


class PrivateInstance:
    """All services and simulated devices, in a folder that is removed at the end.

    Attributes:
        data: its folder.
    """

    def __init__(self, *, virtual: bool = True, devices: str = "") -> None:
        self.data = Path(tempfile.mkdtemp(prefix="bec-private-"))
        options = ["--virtual"] * virtual + (["--devices", devices] if devices else [])
        runtime = self.data / "runtime"  # no other process finds it
        runtime.mkdir()
        self._errors = (self.data / "launcher.err").open("w")
        self._process = subprocess.Popen(
            [*TIDY, self.data, *LAUNCHER, "--data", str(self.data), *options],
            stdin=subprocess.PIPE,  # it ends with us, however we do
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | {"XDG_RUNTIME_DIR": str(runtime)},
            start_new_session=True,  # an interrupt of the cell is none of its business
        )
        atexit.register(self.stop)
        self._url = urlsplit(self._wait_until_ready().split()[2])

    def connect(self) -> Client:
        """Return a client of it."""
        user = person()
        password = Folder(self.data).password(user)
        client = connect(url=f"redis://{user}:{password}@{self._url.netloc}")
        client.data = str(self.data)
        client.where = "a private instance"  # the same in every run of a notebook
        return client

    def stop(self) -> None:
        """Stop it and remove its folder; once is enough."""
        atexit.unregister(self.stop)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # this is what tells the launcher
        try:
            self._process.wait(DOWN)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(DOWN)
        self._process.stdout.close()
        self._errors.close()
        shutil.rmtree(self.data, ignore_errors=True)

    def _wait_until_ready(self) -> str:
        until = time.monotonic() + READY
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while left := max(0.0, until - time.monotonic()):
                if not selector.select(left):
                    break
                line = stdout.readline().decode()
                if line.startswith("ready"):
                    return line
                if not line:
                    self._fail("ended at its start")
        self._fail(f"was not ready within {READY:g} s")

    def _fail(self, what: str) -> NoReturn:
        self._errors.flush()
        told = Path(self._errors.name).read_text().strip().splitlines()
        self.stop()
        last = f": {told[-1]}" if told else ""
        raise InstanceError(f"the private instance {what}{last}")
