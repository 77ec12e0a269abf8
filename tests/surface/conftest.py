"""Stored texts of what people hold, and how they are compared and rewritten."""

from collections.abc import Callable

import pytest

from tests.surface.differences import STORED, message

Compare = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites what is stored."""
    parser.addoption(
        "--rewrite", action="store_true", help="tests/surface: store what is found now"
    )


@pytest.fixture(scope="session")
def rewrites(request: pytest.FixtureRequest) -> bool:
    """Whether to store what is found instead of comparing it."""
    return bool(request.config.getoption("--rewrite", default=False))


@pytest.fixture(scope="session")
def compare(rewrites: bool) -> Compare:
    """Compare a text with `stored/<name>`, or store it."""

    def compared(name: str, found: str) -> None:
        path = STORED / name
        if rewrites:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found)
            return
        wanted = path.read_text() if path.exists() else ""
        if found != wanted:
            pytest.fail(message(name, wanted, found), pytrace=False)

    return compared
