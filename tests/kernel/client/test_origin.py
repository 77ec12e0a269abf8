"""Where a request comes from: told by whoever types it, never invented."""

import platform
import socket
import sys
from types import ModuleType

import numpy as np
import pytest

from bec_kernel.client.connection import origin
from bec_kernel.client.connection.origin import (
    environment,
    origin_here,
    origin_of_program,
)
from bec_kernel.version import __version__


@pytest.fixture
def main(monkeypatch):
    """The module that runs, of a script."""
    module = ModuleType("__main__")
    module.__file__ = "scan.py"
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.delattr(sys, "ps1", raising=False)
    return module


def test_the_environment_is_what_is_installed_here():
    told = environment()
    assert told["python"] == platform.python_version()
    assert (told["bec"], told["numpy"]) == (__version__, np.__version__)
    assert told["platform"].startswith(platform.system())
    assert all(told.values())


def test_a_package_that_is_not_installed_is_not_told(monkeypatch):
    monkeypatch.setattr(origin, "PACKAGES", ("numpy", "not-there"))
    environment.cache_clear()
    assert set(environment()) == {"python", "platform", "bec", "numpy"}
    environment.cache_clear()


def test_it_is_looked_up_once():
    assert environment() is environment()


def test_a_program_that_no_front_end_speaks_for_tells_its_environment(
    bec, server, main
):
    bec.scans.acquire().wait(5)
    told = server.seen[-1].origin
    assert told == origin_here("script")
    assert (told.host, told.environment) == (socket.gethostname(), environment())
    assert (told.notebook, told.cell, told.source) == ("", "", "")


def test_what_is_typed_at_a_prompt_is_not_called_a_script(monkeypatch, main):
    assert origin_of_program().program == "script"
    del main.__file__
    assert origin_of_program().program == ""
    main.__file__ = "launcher.py"
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    assert origin_of_program().program == ""
    monkeypatch.delitem(sys.modules, "ipykernel")
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert origin_of_program().program == ""
