"""What is kept of an index when a new file is published, and what is read anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from market_assets.api.market_index import refresh
from market_assets.api.market_index.index import Index
from market_assets.api.market_index.refresh import refreshed
from market_assets.api.market_index.segment import Segment
from market_assets.storage.files.published import Published
from market_assets_tests.api.market_index.files import Market, publish


class Files:
    """A published file, and the newest index of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.published = path, Published(path)
        self.index: Index | None = None

    def segments(self, markets: Sequence[Market]) -> set[Segment]:
        """Those of the index of a file with these markets, which follows the last one."""
        publish(self.path, markets)
        with self.published.snapshot() as snapshot:
            self.index = refreshed(self.index, snapshot, lambda: None)
        assert self.index.live == len(markets)
        return {part.segment for part in self.index.parts}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """Segments have eight texts at most."""
    monkeypatch.setattr(refresh, "MOST_TEXTS", 8)
    one = Files(tmp_path / "market.duckdb")
    yield one
    one.published.close()


def markets(*numbers: int) -> list[Market]:
    """So many markets with texts of their own."""
    return [Market(f"0x{number:064x}", f"Market {number}") for number in numbers]


def test_rows_that_move_and_volumes_that_change_make_no_segment(files: Files) -> None:
    """Only places and ranks are new."""
    first = files.segments(markets(*range(20)))
    assert len(first) == 3
    moved = [replace(one, volume_usd=5.0, closed=True) for one in markets(*reversed(range(20)))]
    assert files.segments(moved) == first


def test_new_markets_are_in_a_segment_of_their_own(files: Files) -> None:
    """Those that were there before are not read again."""
    first = files.segments(markets(*range(16)))
    second = files.segments(markets(*range(18)))
    assert first < second
    assert sorted(map(len, second)) == [2, 8, 8]


def test_small_segments_are_united(files: Files) -> None:
    """There are no more than there are bits in the number of new markets."""
    files.segments(markets(*range(8)))
    lengths = [sorted(map(len, files.segments(markets(*range(9 + n))))) for n in range(7)]
    assert lengths == [
        [1, 8],
        [2, 8],
        [1, 2, 8],
        [4, 8],
        [1, 4, 8],
        [2, 4, 8],
        [1, 2, 4, 8],
    ]


def test_a_changed_text_is_read_again_alone(files: Files) -> None:
    """The old text stays in its segment and is nowhere."""
    first = files.segments(markets(*range(8)))
    changed = [*markets(*range(7)), Market(f"0x{7:064x}", "Another question")]
    second = files.segments(changed)
    assert first < second
    assert sorted(map(len, second)) == [1, 8]


def test_a_segment_of_which_more_than_half_is_gone_is_made_anew(files: Files) -> None:
    """It would be looked through for nothing."""
    first = files.segments(markets(*range(8)))
    assert files.segments(markets(*range(4))) == first
    (second,) = files.segments(markets(*range(3)))
    assert len(second) == 3
    assert files.segments([]) == set()
    assert sorted(map(len, files.segments(markets(*range(3))))) == [3]
