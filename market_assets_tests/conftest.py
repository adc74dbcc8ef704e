"""What holds for every test: the order they begin in, and how many examples a property gets.

What waits longest begins first, so that the others run beside it. Properties get the same forty
examples every time, and as long as they need on a busy machine; `make soak` tries other ones.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", parent=settings.get_profile("suite"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole systems, then the sidecar's bad days, then the rest."""
    first = ("market_assets_tests/system/", "market_assets_tests/sidecar/test_bad_days")
    items.sort(
        key=lambda item: next(
            (n for n, part in enumerate(first) if part in item.nodeid), len(first)
        )
    )
