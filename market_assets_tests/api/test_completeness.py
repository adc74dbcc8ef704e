"""The page of completeness: a square per day, what it tells, and who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from market_assets.api.completeness import STEPS, WEEKS, tone
from market_assets.api.page import percent
from market_assets_tests.api.database import NOW, SPECS, ago, content, frame, publish
from market_assets_tests.api.serving import served
from market_assets_tests.api.test_page import HOSTILE, Page

PAGE = "/completeness"
TODAY = NOW.date()
TOKEN = "a-long-secret"


def counted(day: date, expected: int, present: int, **more: Any) -> dict[str, Any]:
    """A row of 1-minute candles."""
    return {
        "table_name": "hyperliquid_candles",
        "interval": "1m",
        "symbol": "BTC",
        "day": day,
        "expected_rows": expected,
        "present_rows": present,
        "healed_rows": 0,
        "lost_rows": 0,
        "completeness_pct": 100 * present / expected if expected else None,
        **more,
    }


@contextmanager
def shown(
    folder: Path, rows: list[dict[str, Any]], gaps: list[dict[str, Any]] | None = None
) -> Iterator[httpx.Client]:
    """A server over a file with these rows of completeness and these gaps."""
    frames = content() | {"data_completeness": frame(SPECS["data_completeness"], *rows)}
    gaps = [{"source": "hyperliquid", "channel": "candles", **gap} for gap in gaps or []]
    frames["ingestion_gaps"] = frame(SPECS["ingestion_gaps"], *gaps)
    publish(folder / "market.duckdb", frames)
    with served(folder / "market.duckdb") as client:
        yield client


def squares(page: Page) -> list[str]:
    """The classes of the days' squares, in order."""
    return [
        str(attrs["class"])
        for tag, attrs in page.elements
        if tag == "rect" and "x" in attrs and "tone" in str(attrs["class"])
    ]


def titles(page: Page) -> list[str]:
    """What each square tells."""
    found = page.answer.text.split("<title>")[2:]
    return [one.partition("</title>")[0] for one in found]


def test_a_day_is_a_square_with_its_counts_over_all_assets(tmp_path: Path) -> None:
    rows = [
        counted(TODAY - timedelta(days=1), 1440, 1440),
        counted(TODAY - timedelta(days=1), 1440, 720, symbol="ETH", healed_rows=60, lost_rows=700),
        counted(TODAY, 700, 700),
    ]
    with shown(tmp_path, rows) as client:
        page = Page(client.get(PAGE))
    assert page.answer.status_code == 200
    assert squares(page) == ["tone-2", "tone-7"]
    eve, today = titles(page)
    assert eve.splitlines() == [
        "2026-11-19: 75 %",
        "2,160 of 2,880 rows",
        "1 of 2 assets have holes",
        "60 rows healed",
        "700 rows lost",
    ]
    assert today.splitlines() == [
        "2026-11-20: 100 %",
        "700 of 700 rows that are due so far",
        "0 of 1 assets have holes",
    ]
    assert page.heading() == "79.89 % complete · market_assets"
    assert "1 of 2 days are whole; 700 rows are lost" in " ".join(page.text.split())


def test_the_causes_are_those_of_gaps_that_touch_the_day(tmp_path: Path) -> None:
    """A gap that ends at midnight does not touch the day that begins then."""
    day = TODAY - timedelta(days=1)
    midnight = NOW.replace(hour=0, minute=0, second=0)
    gap = {"cause": "downtime", "gap_from_at": ago(days=1), "gap_to_at": midnight}
    gaps = [
        {**gap, "symbol": "BTC"},
        {**gap, "symbol": "ETH", "healed_at": NOW, "healed_rows": 5},
        {**gap, "symbol": "SOL", "cause": "reconnect", "healed_at": NOW, "healed_rows": 5},
        {**gap, "symbol": "BTC", "cause": "not paid", "channel": "funding_rates"},
        {**gap, "symbol": "token", "cause": "unproven", "source": "polymarket"},
    ]
    with shown(tmp_path, [counted(day, 1440, 1000), counted(TODAY, 700, 700)], gaps) as client:
        first, second = titles(Page(client.get(PAGE)))
    assert first.splitlines()[3:] == ["downtime: 2 gaps, 1 of them open", "reconnect: 1 gap"]
    assert len(second.splitlines()) == 3


def test_each_series_has_its_calendar_and_a_year_is_shown(tmp_path: Path) -> None:
    funding = {"table_name": "hyperliquid_funding_rates", "interval": None}
    rows = [
        counted(TODAY - timedelta(days=WEEKS * 7), 1440, 0),
        counted(TODAY - timedelta(days=360), 1440, 1440),
        counted(TODAY, 12, 12, **funding),
    ]
    with shown(tmp_path, rows) as client:
        page = Page(client.get(PAGE))
    assert page.tags.count("h2") == 2
    assert squares(page) == ["tone-7", "tone-7"]
    assert "hyperliquid_candles 1m" in page.text
    assert "hyperliquid_funding_rates\n" in page.text
    assert page.heading().startswith("100 % complete")


def test_a_day_on_which_nothing_was_expected_has_no_colour(tmp_path: Path) -> None:
    with shown(tmp_path, [counted(TODAY, 0, 3)]) as client:
        page = Page(client.get(PAGE))
    assert squares(page) == ["no-tone"]
    assert "nothing expected" in titles(page)[0]
    assert page.heading() == "not counted yet · market_assets"


def test_text_of_others_is_only_text(tmp_path: Path) -> None:
    gap = {"symbol": "BTC", "cause": HOSTILE, "gap_from_at": ago(hours=2), "gap_to_at": NOW}
    with shown(tmp_path, [counted(TODAY, 700, 600)]) as client:
        expected = Page(client.get(PAGE)).tags
    (tmp_path / "other").mkdir()
    with shown(tmp_path / "other", [counted(TODAY, 700, 600)], [gap]) as client:
        page = Page(client.get(PAGE))
    assert page.tags == expected
    assert HOSTILE in page.text


def test_it_needs_no_script_and_allows_none_but_its_own(tmp_path: Path) -> None:
    with shown(tmp_path, [counted(TODAY, 700, 600)]) as client:
        page = Page(client.get(PAGE))
    assert "script" not in page.tags
    assert not [one for one in page.elements if {"style", "src", "href"} & set(one[1])]
    assert "default-src 'none'" in page.answer.headers["content-security-policy"]


def test_before_the_first_count_it_says_so(tmp_path: Path) -> None:
    """Also over a file of before there was the table, or of a store that nobody filled."""
    with shown(tmp_path, []) as client:
        page = Page(client.get(PAGE))
    assert page.answer.status_code == 200
    assert "Nothing has been counted yet" in page.text


def test_without_a_database_a_page_says_so(tmp_path: Path) -> None:
    with served(tmp_path / "none.duckdb") as client:
        page = Page(client.get(PAGE))
    assert page.answer.status_code == 503
    assert "nothing has been published yet" in page.text


def test_the_dashboard_has_its_table_under_its_channels_source(tmp_path: Path) -> None:
    with shown(tmp_path, [counted(TODAY, 700, 600)]) as client:
        sources = client.get("/api/v1/ingestion/dashboard").json()["sources"]
    (history,) = (one for one in sources if one["source"] == "history")
    assert {table["table"]: table["rows"] for table in history["tables"]} == {
        "data_completeness": 1,
        "ingestion_gaps": 0,
        "hyperliquid_candle_audits": 0,
    }
    assert "data" not in {one["source"] for one in sources}


def test_the_token_opens_it_as_a_password_too(published: Path) -> None:
    with served(published, token=TOKEN) as client:
        assert client.get(PAGE).status_code == 200
        client.headers.pop("Authorization")
        assert client.get(PAGE, auth=("ops", TOKEN)).status_code == 200
        refused = Page(client.get(PAGE, auth=("ops", "wrong")))
    assert refused.answer.status_code == 401
    assert "as the password" in refused.text


def test_what_it_was_not_asked_is_refused_as_a_page(api: httpx.Client) -> None:
    page = Page(api.get(PAGE, params={"<b>": "1"}))
    assert page.answer.status_code == 400
    assert "no parameter '<b>' here" in page.text


@pytest.mark.parametrize(
    ("share", "number", "text"),
    [
        (None, None, ""),
        (0.0, 0, "0 %"),
        (0.0001, 0, "0.01 %"),
        (49.99, 0, "49.99 %"),
        (50.0, 1, "50 %"),
        (99.95, 6, "99.95 %"),
        (99.9999, 6, "99.99 %"),
        (100.0, 7, "100 %"),
    ],
)
def test_only_what_is_whole_is_green_and_reads_as_whole(
    share: float | None, number: int | None, text: str
) -> None:
    assert tone(share) == number
    assert share is None or percent(share) == text
    assert len(STEPS) == 8
