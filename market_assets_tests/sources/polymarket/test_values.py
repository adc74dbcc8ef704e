"""Single values: the four dates, numbers in both spellings, and what is none of them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.sources.decoding import Decoder
from market_assets.sources.faults import Unreadable
from market_assets.sources.polymarket import values

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANTS = st.datetimes(datetime(2015, 1, 2), datetime(2500, 1, 1))  # noqa: DTZ001 - UTC is added


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-24T00:00:00Z", datetime(2026, 7, 24, tzinfo=UTC)),
        ("2026-07-23T02:48:35.302901Z", datetime(2026, 7, 23, 2, 48, 35, 302901, tzinfo=UTC)),
        ("2026-10-16T18:01:12.04182Z", datetime(2026, 10, 16, 18, 1, 12, 41820, tzinfo=UTC)),
        ("2026-07-24", datetime(2026, 7, 24, tzinfo=UTC)),
        ("2026-07-24 00:00:16+00", datetime(2026, 7, 24, 0, 0, 16, tzinfo=UTC)),
        ("2026-07-24T02:00:00+02:00", datetime(2026, 7, 24, tzinfo=UTC)),
    ],
)
def test_reads_each_way_of_writing_a_date(text: str, instant: datetime) -> None:
    assert values.instant(text) == instant
    assert values.instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1970-01-01T00:00:00Z", "before any market"),
        ("2014-12-31", "before any market"),
        ("2026-07-24T00:00:00", "no time zone"),
        ("2026-W01-1", "no time zone"),
        ("20260724", "no time zone"),
        ("soon", "Invalid isoformat"),
        ("2026-13-01T00:00:00Z", "month"),
        ("0001-01-01T00:00:00+14:00", "out of range"),
        (1_784_850_900, "is no date"),
    ],
)
def test_says_what_is_wrong_with_a_date(value: float | str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        values.instant(value)


@settings(max_examples=40)
@given(INSTANTS, st.integers(-12, 14))
def test_a_date_is_the_same_instant_in_every_spelling(moment: datetime, hours: int) -> None:
    """RFC 3339 with Z or an offset, a space and a short offset, the day alone."""
    moment = moment.replace(tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    assert values.instant(moment.isoformat().replace("+00:00", "Z")) == moment
    assert values.instant(elsewhere.isoformat()) == moment
    assert values.instant(f"{moment:%Y-%m-%d %H:%M:%S}+00") == moment.replace(microsecond=0)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    assert values.instant(f"{moment:%Y-%m-%d}") == midnight


@settings(max_examples=40)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_as_text(value: float) -> None:
    assert values.number(value) == value
    assert values.number(repr(value)) == value


@settings(max_examples=40)
@given(st.text(max_size=12) | st.floats())
def test_reads_a_finite_number_or_says_why_not(value: float | str) -> None:
    """Nothing else comes out and nothing else is raised, whatever goes in."""
    for parse in (values.number, values.price, values.amount, values.size, values.traded_price):
        try:
            parsed = parse(value)
        except ValueError:
            continue
        assert abs(parsed) < float("inf")
    with contextlib.suppress(ValueError):
        assert values.instant(value).tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "1_000", "nan", "inf", "-Infinity", "٣", "0x1", "1e999", " 1"]
)
def test_refuses_what_only_python_takes_for_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        values.number(text)


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (values.price, [0, "0.5", 1], [1.7, -0.1, "1.0000001"]),
        (values.traded_price, ["0.001", 1], [0, 1.7]),
        (values.amount, [0, "12.5"], [-1, "-0.5"]),
        (values.size, ["0.01", 7], [0, -3]),
    ],
)
def test_keeps_each_kind_of_number_within_its_bounds(
    parse: Callable[[float | str], float], good: list[float | str], bad: list[float | str]
) -> None:
    assert [parse(value) for value in good] == [float(value) for value in good]
    for value in bad:
        with pytest.raises(ValueError, match=f" ?{float(value)}"):
            parse(value)


def test_a_reader_names_the_bad_value_and_keeps_the_row() -> None:
    rejected: dict[str, str] = {}
    reader = values.Reader("market 0x1", rejected)
    assert reader.read("bestBid", values.price, "0.5") == 0.5
    assert reader.read("bestAsk", values.price, None) is None
    assert reader.read("volume", values.amount, "") is None
    assert rejected == {}
    assert reader.read("bestAsk", values.price, 1.7) is None
    assert rejected == {"market 0x1 bestAsk": "price 1.7 is outside 0 to 1"}


def test_a_list_may_stand_in_a_string() -> None:
    decoder = Decoder[list[str | None]](list[str | None])
    assert values.listed('["Yes", "No"]', decoder).value == ["Yes", "No"]
    assert values.listed(["Yes", None], decoder).value == ["Yes", None]
    for text in (
        "Yes, No",
        '{"a": 1}',
        '["Yes"',
        "[" * 5000,
        {},
        5,
        Unreadable(memoryview(b"NaN")),
    ):
        with pytest.raises(ValueError, match="holds no list"):
            values.listed(text, decoder)


def test_an_id_may_be_a_number() -> None:
    spellings: list[str | int | None] = ["12", 12, 0, "", None]
    assert [values.identifier(value) for value in spellings] == ["12", "12", "0", None, None]
