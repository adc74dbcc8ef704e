"""Mids conflated into 5-second buckets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import floor
from market_assets.streams.hyperliquid.mids import BUCKET, KEEP, MidBuckets

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def rows(buckets: MidBuckets) -> list[tuple[str, datetime, float, int]]:
    """What `take` hands out, without the time of receipt."""
    frame = buckets.take().frame.drop("ingested_at").sort("bucket_at", "symbol")
    return list(frame.iter_rows())


@given(
    st.lists(
        st.tuples(
            st.floats(0, 60).map(lambda s: round(s, 2)),
            st.dictionaries(st.sampled_from("ABC"), st.floats(0.1, 9), min_size=1),
        ),
        max_size=40,
        unique_by=lambda frame: frame[0],
    ),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_any_order_and_any_flushes_end_in_the_same_rows(
    frames: list[tuple[float, dict[str, float]]], random: Random, every: int
) -> None:
    """The last mid by time of receipt, and how many there were, in each bucket."""
    truth: dict[tuple[str, datetime], tuple[float, int]] = {}
    for second, mids in sorted(frames, key=lambda frame: frame[0]):
        for symbol, mid in mids.items():
            key = (symbol, floor(at(second), BUCKET))
            truth[key] = (mid, truth.get(key, (0.0, 0))[1] + 1)
    shuffled = list(frames)
    random.shuffle(shuffled)
    buckets = MidBuckets()
    table: dict[tuple[str, datetime], tuple[float, int]] = {}
    for number, (second, mids) in enumerate(shuffled):
        buckets.add(mids, at(second))
        if number % every == 0:
            table |= {(s, b): (mid, n) for s, b, mid, n in rows(buckets)}
    table |= {(s, b): (mid, n) for s, b, mid, n in rows(buckets)}
    assert table == truth


def test_only_what_changed_is_handed_out() -> None:
    buckets = MidBuckets()
    buckets.add({"A": 1.0, "B": 2.0}, at(1))
    assert rows(buckets) == [("A", at(0), 1.0, 1), ("B", at(0), 2.0, 1)]
    assert rows(buckets) == []
    buckets.add({"A": 1.5}, at(4.9))
    buckets.add({"A": 1.6}, at(5))
    assert rows(buckets) == [("A", at(0), 1.5, 2), ("A", at(5), 1.6, 1)]


def test_received_is_when_the_last_mid_came() -> None:
    buckets = MidBuckets()
    buckets.add({"A": 1.0}, at(1))
    buckets.add({"A": 1.1}, at(3))
    assert buckets.take().frame["ingested_at"].to_list() == [at(3)]


def test_rows_that_could_not_be_written_come_again() -> None:
    """Restored rows do not undo a mid that came meanwhile, and survive a bucket let go."""
    buckets = MidBuckets()
    buckets.add({"A": 1.0, "B": 2.0}, at(1))
    batch = buckets.take()
    buckets.add({"A": 1.5}, at(4))
    buckets.restore(batch)
    assert rows(buckets) == [("A", at(0), 1.5, 2), ("B", at(0), 2.0, 1)]
    empty = MidBuckets()
    empty.restore(batch)
    assert rows(empty) == [("A", at(0), 1.0, 1), ("B", at(0), 2.0, 1)]


def test_what_is_on_disk_is_let_go_and_what_is_not_is_kept() -> None:
    buckets = MidBuckets()
    buckets.add({"A": 1.0}, at(1))
    buckets.take()
    buckets.add({"A": 2.0}, at(6))
    later = 10 + KEEP.total_seconds()
    buckets.add({"A": 3.0}, at(later))
    assert buckets.waiting() == 2
    buckets.take()
    assert len(buckets._buckets) == 1


def test_shed_and_drop_after_forget_the_right_ones() -> None:
    buckets = MidBuckets()
    for second in (1, 6, 11):
        buckets.add({"A": 1.0, "B": 1.0}, at(second))
    assert buckets.shed(at(5)) == 2
    buckets.drop_after(at(9))
    assert [row[1] for row in rows(buckets)] == [at(5), at(5)]
