"""From when on the absence of something from a venue's answers is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from market_assets.frames import listed
from market_assets.ingestion.listing import OVER, OVER_IF_SILENT, TIMES, missed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANTS = ("last_listed_at", "missing_since", "ingested_at", "updated_at")
SCHEMA = {
    "is_listed": pl.Boolean(),
    "times_missed": pl.Int64(),
    **dict.fromkeys(INSTANTS, pl.Datetime("us", "UTC")),
}


def seen(at: datetime) -> pl.DataFrame:
    """A row that was named at that instant."""
    row = pl.DataFrame([{"ingested_at": at, "updated_at": at}], schema=SCHEMA)
    return row.with_columns(listed(at))


def test_a_row_of_before_there_were_these_columns_counts_as_listed() -> None:
    """It was named when it was last received."""
    old = pl.DataFrame([{"ingested_at": NOW, "updated_at": NOW}], schema=SCHEMA)
    row = missed(old, NOW + timedelta(hours=5)).row(0, named=True)
    assert (row["is_listed"], row["last_listed_at"], row["times_missed"]) == (True, NOW, 1)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
    st.booleans(),
)
def test_it_takes_several_misses_and_a_while(minutes: list[int], silent: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever their rhythm: neither many within the hour nor two hours apart are enough."""
    row, at, first = seen(NOW), NOW, None
    for nth, pause in enumerate(minutes, start=1):
        at += timedelta(minutes=pause)
        first = first or at
        row = missed(row, at, silent=silent)
        over = OVER_IF_SILENT if silent else OVER
        assert row["is_listed"].item() is not (nth >= TIMES and at - first >= over)
        assert row["last_listed_at"].item() == NOW
        assert row["missing_since"].item() == first
        assert row["times_missed"].item() == nth


def test_an_answer_that_names_it_lists_it_again() -> None:
    """And forgets that it was missed."""
    row = seen(NOW)
    for hours in range(1, 5):
        row = missed(row, NOW + timedelta(hours=hours))
    assert row["is_listed"].item() is False
    again = row.with_columns(listed(NOW + timedelta(hours=9))).row(0, named=True)
    assert (again["is_listed"], again["times_missed"], again["missing_since"]) == (True, 0, None)
