"""When a frame of books counts as readable, in the benchmark of the stream."""

from __future__ import annotations

import polars as pl

from benchmarks.books_latency import readable

FRAMES = pl.DataFrame(
    {
        "token_id": ["a", "a", "b", "b", "c"],
        "venue_ms": [100, 250, 200, 900, 100],
        "came_s": [0.1, 0.3, 0.2, 0.9, 0.1],
    }
)


def reading(at_s: float, **books: int) -> pl.DataFrame:
    """The instants of the books that were read at one time."""
    return pl.DataFrame({"token_id": list(books), "book_ms": list(books.values())}).with_columns(
        read_s=pl.lit(at_s)
    )


def test_a_frame_is_read_with_its_state_or_a_newer_one_of_its_own_token() -> None:
    """At the first reading that has it; one that never was read has no instant."""
    readings = [
        reading(1.0, a=50, b=200),
        reading(2.0, a=250, b=200),
        reading(3.0, a=300, b=200),
    ]
    found = readable(FRAMES, readings).sort("token_id", "venue_ms")
    assert found["read_s"].to_list() == [2.0, 2.0, 1.0, None, None]
    assert found["came_s"].to_list() == [0.1, 0.3, 0.2, 0.9, 0.1]


def test_the_first_reading_of_a_state_counts_whatever_their_order() -> None:
    found = readable(FRAMES.filter(token_id="b"), [reading(4.0, b=900), reading(3.0, b=900)])
    assert found["read_s"].to_list() == [3.0, 3.0]
