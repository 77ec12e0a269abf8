"""Whole instances, away from the user's own: real processes, real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bec_kernel.instance import broker
from bec_kernel.instance.folder import Folder

PERSONS = ["ada", "bob"]


@pytest.fixture(scope="session")
def broker_folder(runtime: Path, tmp_path_factory) -> Iterator[Folder]:
    """The folder of a running broker with two persons and no services."""
    found = Folder(tmp_path_factory.mktemp("data"))
    process = broker.start_broker(found, PERSONS)
    broker.wait_for_broker(process, found)
    yield found
    process.terminate()
    assert process.wait(10) == 0
