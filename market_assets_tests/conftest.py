"""What holds for every test: their order, how many examples a property gets, what is put back.

What waits longest begins first, so that the others run beside it. Properties get the same forty
examples every time, and as long as they need on a busy machine; `make soak` tries other ones.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from hypothesis import HealthCheck, settings

from market_assets_tests.days import DAYS

settings.register_profile(
    "suite",
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", parent=settings.get_profile("suite"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--today`: which day it is for this process, from its start on."""
    parser.addoption(
        "--today",
        type=lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
        help="run the tests on that day or at that instant (ISO 8601, UTC)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """All clocks of the process go on from the instant that `--today` names."""
    if (today := config.getoption("--today")) is not None:
        journey = time_machine.travel(today, tick=True)
        journey.start()
        config.add_cleanup(journey.stop)


@pytest.fixture(params=DAYS.values(), ids=DAYS)
def any_day(request: pytest.FixtureRequest) -> Iterator[datetime]:
    """The test runs on each of a dozen days; the wall clock of the process stands there."""
    with time_machine.travel(request.param, tick=True):
        yield request.param


@pytest.fixture(autouse=True)
def _logging_as_python_has_it() -> None:
    """Whatever commands and definitions were run in this process before, and what they set up."""
    logging.getLogger("market_assets").setLevel(logging.NOTSET)
    logging.setLoggerClass(logging.Logger)


_LONG: tuple[str, ...] = (
    "market_assets_tests/system/test_run",
    "market_assets_tests/streams/hyperliquid/test_bad_days",
    "market_assets_tests/system/test_recordings",
    "market_assets_tests/cli/test_commands",
)
"""Files that wait for long, the longest first."""


_SLOW: tuple[str, ...] = tuple(
    f"market_assets_tests/{name}"
    for name in (
        *("api/", "benchmarks/", "checks/", "cli/", "defs/", "derived/", "ingestion/", "launcher/"),
        *("operations/", "system/", "features/test_properties", "sources/test_one_bad_thing"),
        *("storage/common/test_merge", "storage/common/test_migrate", "storage/common/test_spool"),
        *("storage/files/archive/", "exports/", "test_database_revisions"),
        *("storage/files/test_compact", "storage/files/test_crowds"),
        *("storage/files/test_derived_rows", "storage/files/test_full_disks"),
        *("storage/files/test_kills", "storage/files/test_live", "storage/files/test_prepare"),
        *("storage/files/test_properties", "storage/files/test_publish"),
        *("storage/files/test_read_whole", "storage/files/test_replace_within"),
        *("storage/files/test_store",),
        *("storage/common/test_upstream", "simulator/test_official", "simulator/test_one_truth"),
        *("simulator/test_polymarket", "streams/candles/test_healing"),
        *("streams/hyperliquid/test_accounts", "streams/hyperliquid/test_bad_days"),
        *("streams/hyperliquid/test_clocks", "streams/hyperliquid/test_session"),
        *("streams/polymarket/", "sources/polymarket/test_market_feed"),
        *("test_docs", "test_pictures", "test_runbook", "test_wheel"),
    )
)
"""Files of which a test takes seconds: they are `slow`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and let each worker begin with one of the long files.

    A worker is handed a contiguous part of the list.
    """
    for item in items:
        if item.nodeid.startswith(_SLOW):
            item.add_marker(pytest.mark.slow)
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
