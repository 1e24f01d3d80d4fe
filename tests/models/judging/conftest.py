"""A headless browser that tells what its pages ask the network for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium("performance", "browser") as started:
        yield started
