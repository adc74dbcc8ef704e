"""Segments: what was written is what is read, or the segment says that it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.frames import FrameError
from market_assets.storage.common.segments import (
    ForeignSegment,
    Segment,
    SegmentError,
    decode,
    encode,
    joined,
    name,
)
from market_assets.storage.common.spool import Spool
from market_assets.tables import Column
from market_assets_tests.storage.examples import NOTES, PRICES, at, notes, prices

if TYPE_CHECKING:
    from pathlib import Path

NOTED = notes([("n", "of A", None, None)])
ROWS = prices([("A", 1.5, None, at(1)), ("B", None, 2, None)])


def segment(folder: Path, content: bytes, table: str = "prices") -> Segment:
    path = folder / name(7, "ab12", table, content)
    path.write_bytes(content)
    return Segment(path, len(content))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every type that the tables know, NULLs too."""
    [(spec, frame, _)] = decode(segment(tmp_path, encode(ROWS)), (NOTES, PRICES))
    assert spec is PRICES
    assert frame.equals(ROWS)
    rows = notes([("n", "t", ["a", ""], date(2026, 1, 1)), ("m", None, None, None)])
    [(_, frame, _)] = decode(segment(tmp_path, encode(rows), "notes"), (NOTES, PRICES))
    assert frame.equals(rows)


def test_an_older_segment_fits_the_newer_table(tmp_path: Path) -> None:
    """New columns are NULL, the order is the table's."""
    old = segment(tmp_path, encode(ROWS))
    columns = (Column("volume", "DOUBLE", "New."), *reversed(PRICES.columns))
    [(_, frame, _)] = decode(old, (replace(PRICES, columns=columns),))
    assert frame.columns == ["volume", "seen_at", "seq", "price", "symbol"]
    assert frame["symbol"].to_list() == ["A", "B"]
    assert frame["volume"].null_count() == 2


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ((*PRICES.columns[:1], *PRICES.columns[2:]), r"no columns \['price'\] in prices"),
        ((*PRICES.columns, Column("venue", "VARCHAR", "New.", required=True)), "NULL in required"),
        ((PRICES.columns[0], Column("price", "BIGINT", "Cents."), *PRICES.columns[2:]), "price is"),
    ],
)
def test_columns_that_this_code_does_not_agree_with(
    tmp_path: Path, columns: tuple[Column, ...], complaint: str
) -> None:
    """Another version wrote them, and can bring them in without losing a value."""
    with pytest.raises(ForeignSegment, match=complaint):
        decode(segment(tmp_path, encode(ROWS)), (replace(PRICES, columns=columns),))


def test_a_required_column_that_is_new_has_what_rows_of_before_have(tmp_path: Path) -> None:
    """What waited in the spool during an upgrade is brought in by the new code."""
    new = Column("venue", "VARCHAR", "New.", required=True, before="hyperliquid")
    table = replace(PRICES, columns=(*PRICES.columns, new))
    [(_, frame, _)] = decode(segment(tmp_path, encode(ROWS)), (table,))
    assert frame["venue"].to_list() == ["hyperliquid", "hyperliquid"]


def test_rows_that_are_whole_in_scopes_come_with_them(tmp_path: Path) -> None:
    """Also scopes without a row; what does not lie in them is refused before it is on disk."""
    scopes = pl.DataFrame({"symbol": ["A", "B", "C"]})
    [(_, frame, told)] = decode(segment(tmp_path, encode(ROWS, scopes)), (PRICES,))
    assert frame.equals(ROWS)
    assert told is not None
    assert told.equals(scopes)
    spool = Spool(tmp_path / "spool", limit_bytes=10**6)
    for wrong in (scopes[:1], pl.DataFrame({"price": [1.5]}), pl.DataFrame({"symbol": [None]})):
        with pytest.raises(FrameError, match="scope"):
            spool.append(PRICES, ROWS, scopes=wrong)
    assert spool.depth().segments == 0


def test_rows_of_several_tables_are_one_segment(tmp_path: Path) -> None:
    """They come back in order, each with its own scopes; a part that is cut costs the whole."""
    other = pl.DataFrame({"note_id": ["n"]})
    scopes = pl.DataFrame({"symbol": ["A", "B", "C"]})
    content = joined([encode(ROWS, scopes), encode(NOTED, other)])
    found = decode(segment(tmp_path, content, "prices+notes"), (NOTES, PRICES))
    assert [one.table for one in found] == [PRICES, NOTES]
    assert found[0].frame.equals(ROWS)
    assert found[1].frame.equals(NOTED)
    assert [one.scopes is not None and one.scopes.height for one in found] == [3, 1]
    with pytest.raises(ForeignSegment, match="no table 'notes'"):
        decode(segment(tmp_path, content, "prices+notes"), (PRICES,))
    for wrong, names in ((content[:-1], "prices+notes"), (content, "prices+notes+notes")):
        with pytest.raises(SegmentError, match="does not hold the rows of"):
            decode(segment(tmp_path, wrong, names), (NOTES, PRICES))


def test_unknown_columns_may_be_dropped_when_somebody_says_so(tmp_path: Path) -> None:
    """The code that knew them is gone for good."""
    fewer = replace(PRICES, columns=(*PRICES.columns[:1], *PRICES.columns[2:]))
    [(_, frame, _)] = decode(segment(tmp_path, encode(ROWS)), (fewer,), drop_unknown=True)
    assert frame.equals(ROWS.drop("price"))


def test_a_segment_of_no_table_is_of_other_code(tmp_path: Path) -> None:
    """And so is one that has another kind of name; a file of something else is nobody's."""
    with pytest.raises(ForeignSegment, match="no table 'prices'"):
        decode(segment(tmp_path, encode(ROWS)), (NOTES,))
    stray = tmp_path / "notes.arrow"
    stray.write_bytes(encode(ROWS))
    with pytest.raises(ForeignSegment, match="not the name"):
        decode(Segment(stray, 0), (PRICES,))
    stray.write_bytes(b"")
    with pytest.raises(SegmentError, match="not the name") as refused:
        decode(Segment(stray, 0), (PRICES,))
    assert not isinstance(refused.value, ForeignSegment)
    assert (Segment(stray, 0).order, Segment(stray, 0).table) == (0, "")


def test_bytes_that_never_were_a_frame(tmp_path: Path) -> None:
    """The checksum is right, the content is not Arrow."""
    with pytest.raises(SegmentError) as refused:
        decode(segment(tmp_path, b"not arrow"), (PRICES,))
    assert not isinstance(refused.value, ForeignSegment)


@given(data=st.data())
def test_any_damage_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """One bit turned, or the end cut off, anywhere."""
    good = encode(ROWS)
    one = segment(tmp_path_factory.mktemp("spool"), good)
    position = data.draw(st.integers(0, len(good) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    turned = bytes([*good[:position], good[position] ^ bit, *good[position + 1 :]])
    for damaged in (turned, good[:position]):
        one.path.write_bytes(damaged)
        with pytest.raises(SegmentError, match="not those that were written"):
            decode(one, (PRICES,))


def test_names_sort_by_order() -> None:
    """Whatever the writer and the table are called."""
    names = [
        name(order, writer, table, b"")
        for order, writer, table in ((5, "ff", "z"), (10, "00", "a"), (10**18, "aa", "b"))
    ]
    assert names == sorted(names)
