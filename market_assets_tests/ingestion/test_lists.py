"""A list that is far shorter than it was is believed only where it stays so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.ingestion.lists import DOUBTED_FOR, DOUBTED_FOR_IF_EMPTY, Lists
from market_assets.sources.errors import VenueNonsense
from market_assets.storage.files.store import FileStore
from market_assets.tables import INGESTION_LISTS

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
Answer = Callable[..., bool]


class Memory:
    """Believes answers at times, by a store that it keeps."""

    def __init__(self, store: FileStore) -> None:
        self.store = store
        self.now = NOW

    def __call__(self, rows: int, *, after: timedelta = timedelta(minutes=5)) -> bool:
        self.now += after
        try:
            Lists(self.store, "venue", "Venue", self.now).believe("/list", rows)
        except VenueNonsense:
            return False
        return True


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(FileStore(tmp_path / "market.duckdb", tables=(INGESTION_LISTS,)))


def test_the_first_answer_is_believed_however_long_it_is(memory: Memory) -> None:
    assert memory(0)
    assert memory(500)


@pytest.mark.parametrize(("rows", "believed"), [(50, True), (49, False), (1, False), (0, False)])
def test_less_than_half_is_refused(memory: Memory, rows: int, *, believed: bool) -> None:
    memory(100)
    assert memory(rows) is believed


def test_a_short_list_may_vanish(memory: Memory) -> None:
    memory(9)
    assert memory(0)


@pytest.mark.parametrize(("rows", "doubted_for"), [(30, DOUBTED_FOR), (0, DOUBTED_FOR_IF_EMPTY)])
def test_what_stays_so_is_believed_in_the_end(
    memory: Memory, rows: int, doubted_for: timedelta
) -> None:
    memory(100)
    assert not memory(rows)
    assert not memory(rows, after=doubted_for - timedelta(seconds=1))
    assert memory(rows, after=timedelta(seconds=1))
    assert memory(rows)


def test_an_outage_that_comes_and_goes_is_never_believed(memory: Memory) -> None:
    for _ in range(10):
        assert memory(100)
        assert not memory(0, after=DOUBTED_FOR_IF_EMPTY)


def test_the_error_says_what_it_was_and_until_when(memory: Memory) -> None:
    memory(100)
    lists = Lists(memory.store, "venue", "Venue", datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    with pytest.raises(VenueNonsense, match="/list: an empty answer, and there were 100"):
        lists.believe("/list", 0)
    with pytest.raises(
        VenueNonsense, match=r"only 3 rows, .* not believed before 2026-11-21 10:30"
    ):
        lists.believe("/list", 3)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 2000).map(lambda n: timedelta(minutes=n))),
        min_size=1,
        max_size=25,
    )
)
def test_nothing_is_believed_below_half_that_was_not_doubted_for_its_time(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[int, timedelta]]
) -> None:
    path = tmp_path_factory.mktemp("lists") / "market.duckdb"
    memory = Memory(FileStore(path, tables=(INGESTION_LISTS,)))
    held: int | None = None
    since: datetime | None = None
    for rows, after in answers:
        believed = memory(rows, after=after)
        if held is None or held < 10 or rows >= held / 2:
            assert believed
        else:
            since = since or memory.now
            wait = DOUBTED_FOR if rows else DOUBTED_FOR_IF_EMPTY
            assert believed is (memory.now - since >= wait)
        if believed:
            held, since = rows, None
