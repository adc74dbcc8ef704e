"""Order: what waits longest begins first, so that the others run beside it."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole systems, then the sidecar's bad days, then the rest."""
    first = ("market_assets_tests/system/", "market_assets_tests/sidecar/test_bad_days")
    items.sort(
        key=lambda item: next(
            (n for n, part in enumerate(first) if part in item.nodeid), len(first)
        )
    )
