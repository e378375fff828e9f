"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_go_nowhere_that_is_gone() -> Iterator[None]:
    """Undo what a command's ``main`` set up: its stream ends with its test."""
    yield
    structlog.reset_defaults()
