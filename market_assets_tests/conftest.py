"""What holds for every test: their order, how many examples a property gets, what is put back.

What waits longest begins first, so that the others run beside it. Properties get the same forty
examples every time, and as long as they need on a busy machine; `make soak` tries other ones.
"""

from __future__ import annotations

import logging
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


@pytest.fixture(autouse=True)
def _logging_as_python_has_it() -> None:
    """Whatever commands and definitions were run in this process before, and what they set up."""
    logging.getLogger("market_assets").setLevel(logging.NOTSET)
    logging.setLoggerClass(logging.Logger)


_LONG: tuple[str, ...] = (
    "market_assets_tests/system/test_run",
    "market_assets_tests/sidecar/test_bad_days",
    "market_assets_tests/system/test_recordings",
    "market_assets_tests/cli/test_commands",
)
"""Files that wait for long, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker begins with one of the long files: it is handed a contiguous part of the list."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [[item for item in items if item.nodeid.startswith(name)] for name in _LONG]
    others = [item for item in items if not item.nodeid.startswith(_LONG)]
    share = -(-len(items) // workers)
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        first = [item for part in long[worker::workers] for item in part]
        room = max(0, share * (worker + 1) - len(ordered) - len(first))
        ordered += [*first, *others[:room]]
        others = others[room:]
    items[:] = [*ordered, *others]
