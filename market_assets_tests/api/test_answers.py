"""What the routes answer, from real rows, and that it is what the document promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from market_assets.api.openapi import document
from market_assets.switches import Off
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.api.database import (
    MINUTES,
    NOW,
    SYMBOLS,
    TOKEN,
    ago,
    candle,
    frame,
    publish,
)
from market_assets_tests.api.serving import HEALTHY, served

LATEST = "/api/v1/assets/{symbol}/latest"
CANDLES = "/api/v1/assets/{symbol}/candles"
MARKETS = "/api/v1/polymarket/markets/search"
SUBJECTS = "/api/v1/defillama/subjects/search"
BOOK = "/api/v1/polymarket/books/{token_id}"


@cache
def promised() -> dict[str, Any]:
    """The document."""
    return document("1.2.3")


def get(api: httpx.Client, route: str, symbol: str = "", **query: Any) -> Any:
    """An answer with status 200, checked against what the document says of the route."""
    response = api.get(_address(route, symbol), params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    said = promised()["paths"][route]["get"]["responses"]["200"]["content"]
    jsonschema.Draft202012Validator(
        {**said["application/json"]["schema"], "components": promised()["components"]},
        format_checker=jsonschema.FormatChecker(["date-time", "date"]),
    ).validate(response.json())
    return response.json()


def _address(route: str, symbol: str) -> str:
    return route.replace("{symbol}", symbol).replace("{token_id}", TOKEN)


def instant(text: str) -> datetime:
    """An instant as the API writes it: UTC, with a Z."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def test_the_document_is_valid_openapi_and_served_as_it_is(api: httpx.Client) -> None:
    """The public validator of OpenAPI 3.1 accepts it."""
    validate(promised())
    assert api.get("/openapi.json").json() == promised()


def test_a_304_is_in_the_document_where_there_is_a_tag(api: httpx.Client) -> None:
    """Routes that send a tag say so, and no other."""
    for route, methods in promised()["paths"].items():
        answer = api.get(_address(route, "BTC"), params={"q": "x"} if "search" in route else {})
        assert answer.status_code == 200
        said = methods["get"]["responses"]
        assert ("304" in said) == ("etag" in answer.headers) == ("headers" in said["200"]), route


def test_health_has_the_fixed_members_and_is_200(api: httpx.Client) -> None:
    """The shape that programs rely on, camel case and all."""
    assert get(api, "/api/v1/ingestion/health") == {
        "ok": True,
        "rows": [
            {
                "source": "hyperliquid",
                "channel": "mids",
                "status": "ok",
                "expectedCadenceSec": 60.0,
                "staleAfterSec": 360.0,
                "ageSec": 12.5,
                "rowsWritten": 600,
                "lastError": None,
            }
        ],
    }


def test_health_names_the_sources_that_are_off(published: Path) -> None:
    """A member more, where there are any, as the document says."""
    off = (Off("polymarket", "MARKET_SOURCES"),)
    with served(published, health=lambda: replace(HEALTHY, off=off)) as client:
        said = get(client, "/api/v1/ingestion/health")
    assert said["off"] == [{"source": "polymarket", "variable": "MARKET_SOURCES"}]


def test_dashboard_counts_source_by_source(api: httpx.Client) -> None:
    """Counts, newest instants, gaps and runs are those of the rows."""
    answer = get(api, "/api/v1/ingestion/dashboard")
    sources = {one["source"]: one for one in answer["sources"]}
    hyperliquid = sources["hyperliquid"]
    tables = {one["table"]: one for one in hyperliquid["tables"]}
    candles = tables["hyperliquid_candles"]
    assert candles["rows"] == len(SYMBOLS) * MINUTES + 1
    assert instant(candles["newest_at"]) == NOW.replace(second=0)
    assert candles["age_s"] == 3.0
    assert hyperliquid["rows"] == sum(one["rows"] for one in tables.values())
    assert hyperliquid["gaps"]["open"] == 1
    assert (hyperliquid["gaps"]["healed_24h"], hyperliquid["gaps"]["healed_rows_24h"]) == (1, 60)
    runs = {one["channel"]: one for one in hyperliquid["runs"]}
    assert (runs["contexts"]["ok"], runs["contexts"]["failed"]) == (2, 0)
    assert (runs["contexts"]["rows_written"], runs["contexts"]["duration_ms_p50"]) == (10, 700)
    (failed,) = sources["polymarket"]["runs"]
    assert (failed["failed"], failed["last_error"]) == (1, "the venue said 502")
    assert failed["duration_ms_p50"] is None
    days = {one["table"]: one for one in sources["defillama"]["tables"]}
    assert days["defillama_daily_history"]["newest_at"] == "2026-11-19T00:00:00Z"


def test_assets_are_the_registry_with_categories(api: httpx.Client) -> None:
    """Every asset once, in order; an asset without a category has an empty list."""
    answer = get(api, "/api/v1/assets")
    assert [one["symbol"] for one in answer["assets"]] == sorted(SYMBOLS)
    assert answer["count"] == len(SYMBOLS)
    assert answer["age_s"] == 20 * 60
    categories = {one["symbol"]: one["categories"] for one in answer["assets"]}
    assert categories["BTC"] == ["layer_1", "store_of_value"]
    assert categories["@107"] == []


def test_latest_has_each_part_with_its_own_age(api: httpx.Client) -> None:
    """The newest row of each table, and how old each is."""
    answer = get(api, LATEST, "BTC")
    ages = {
        name: answer[name]["age_s"]
        for name in ("asset", "mid", "candle", "context", "funding_rate")
    }
    assert ages == {
        "asset": 1200.0,
        "mid": 3.0,
        "candle": 0.5,
        "context": 120.0,
        "funding_rate": 59 * 60.0,
    }
    assert answer["mid"]["mid"] == 100.0
    assert answer["context"]["mark_px"] == 12.0
    assert not answer["candle"]["is_closed"]
    assert {name: part["age_s"] for name, part in answer["features"].items()} == dict.fromkeys(
        (
            "technical_indicators",
            "volatility_profiles",
            "funding_pressure",
            "liquidity_profiles",
            "positioning_pressure",
        ),
        180.0,
    )
    for part in (answer["mid"], answer["candle"], *answer["features"].values()):
        age = NOW - instant(part["as_of"])
        assert part["age_s"] == round(age.total_seconds(), 1)


def test_latest_shows_open_markets_most_traded_first_with_their_newest_price(
    api: httpx.Client,
) -> None:
    """A closed market is not shown, nor an older price; a market without a price says null."""
    markets = get(api, LATEST, "BTC")["prediction_markets"]
    assert [one["condition_id"] for one in markets] == ["0x1", "0x0"]
    assert (markets[0]["price"]["yes_price"], markets[0]["price"]["age_s"]) == (0.2, 120.0)
    assert markets[1]["price"] is None
    assert markets[0]["confidence"] == 0.9
    assert markets[0]["outcome_prices"] == [0.4, None]


def test_latest_shows_what_defillama_says_of_the_symbol(api: httpx.Client) -> None:
    """Its chain, with the newest row of each table."""
    (subject,) = get(api, LATEST, "BTC")["defillama"]
    assert subject["subject_id"] == "chain:bitcoin"
    for name in ("capital_base", "capital_flows", "economic_throughput"):
        assert subject[name]["age_s"] == 3600.0


def test_latest_of_another_interval_has_its_candle(api: httpx.Client) -> None:
    """`interval` chooses the candle and the indicators, and nothing else."""
    answer = get(api, LATEST, "BTC", interval="1h")
    assert (answer["candle"]["interval"], answer["candle"]["close"]) == ("1h", 90.0)
    assert answer["features"]["technical_indicators"] is None
    assert answer["mid"]["mid"] == 100.0


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("escaped", [True, False])
def test_a_symbol_may_hold_a_slash_a_colon_or_an_at(
    api: httpx.Client, symbol: str, *, escaped: bool
) -> None:
    """As it is or URL-encoded, in both routes."""
    typed = quote(symbol, safe="") if escaped else symbol
    for route in (LATEST, CANDLES):
        response = api.get(route.replace("{symbol}", typed))
        assert response.status_code == 200
        assert response.json()["symbol"] == symbol


def test_a_part_that_is_not_there_is_null(api: httpx.Client) -> None:
    """A spot pair has no funding, features, markets or subjects here."""
    answer = get(api, LATEST, "PURR/USDC")
    assert answer["funding_rate"] is None
    assert set(answer["features"].values()) == {None}
    assert answer["prediction_markets"] == answer["defillama"] == []


def test_candles_come_oldest_first_and_by_default_the_newest(api: httpx.Client) -> None:
    """Without a span: the newest `limit`, ascending."""
    answer = get(api, CANDLES, "xyz:TSLA", limit=3)
    opened = [instant(one["open_at"]) for one in answer["candles"]]
    minute = NOW.replace(second=0)
    assert opened == [minute - timedelta(minutes=n) for n in (2, 1, 0)]
    assert answer["next_from"] is None
    assert get(api, CANDLES, "xyz:TSLA")["count"] == MINUTES
    assert get(api, CANDLES, "xyz:TSLA", limit=MINUTES)["count"] == MINUTES
    until = (minute - timedelta(minutes=4)).isoformat()
    (before,) = get(api, CANDLES, "xyz:TSLA", to=until, limit=1)["candles"]
    assert instant(before["open_at"]) == minute - timedelta(minutes=5)


def test_the_newest_candles_are_found_across_a_hole(tmp_path: Path) -> None:
    """Fewer lie close to the newest one than are wanted."""
    opened = [ago(seconds=3, minutes=n) for n in (0, 1, 40, 50, 60)]
    publish(
        tmp_path / "market.duckdb",
        {
            "hyperliquid_candles": frame(
                HYPERLIQUID_CANDLES, *(candle("BTC", one) for one in opened)
            )
        },
    )
    with served(tmp_path / "market.duckdb") as client:
        answer = get(client, CANDLES, "BTC", limit=4)
        assert [instant(one["open_at"]) for one in answer["candles"]] == opened[3::-1]
        assert get(client, CANDLES, "BTC")["count"] == 5


def test_candles_of_a_span_can_be_read_page_by_page(api: httpx.Client) -> None:
    """`next_from` leads through the whole span, each candle once."""
    since: Any = NOW.replace(second=0) - timedelta(minutes=20)
    until = since + timedelta(minutes=15)
    opened: list[datetime] = []
    for _ in range(4):
        answer = get(
            api, CANDLES, "BTC", **{"from": since.isoformat(), "to": until.isoformat(), "limit": 4}
        )
        opened += [instant(one["open_at"]) for one in answer["candles"]]
        if answer["next_from"] is None:
            break
        since = instant(answer["next_from"])
    first = until - timedelta(minutes=15)
    assert opened == [first + timedelta(minutes=n) for n in range(15)]


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-20T11:40:00Z",
        "2026-11-20T12:40:00+01:00",
        "2026-11-20T11:40:00",
        "2026-11-20 11:40:00 00:00",  # a plus that nobody escaped arrives as a blank
        str(int(datetime(2026, 11, 20, 11, 40, tzinfo=UTC).timestamp())),
        str(int(datetime(2026, 11, 20, 11, 40, tzinfo=UTC).timestamp() * 1000)),
    ],
)
def test_an_instant_may_be_written_in_several_ways(api: httpx.Client, written: str) -> None:
    """All of these are the same one."""
    answer = get(api, CANDLES, "BTC", **{"from": written, "limit": 1})
    assert instant(answer["candles"][0]["open_at"]) == datetime(2026, 11, 20, 11, 40, tzinfo=UTC)


def test_no_candles_in_a_span_is_an_empty_list(api: httpx.Client) -> None:
    """Of a symbol that exists; of the day before."""
    answer = get(api, CANDLES, "BTC", to="2026-11-20")
    assert (answer["count"], answer["candles"], answer["as_of"]) == (0, [], None)


@pytest.mark.parametrize("since", ["2026-11-16", "2000-01-01", "2026-11-20T11:31:00Z"])
def test_from_alone_begins_at_the_first_candle_and_leads_on(api: httpx.Client, since: str) -> None:
    """However long ago it is; page by page to the newest candle."""
    opened: list[datetime] = []
    start: str | None = since
    for _ in range(MINUTES):
        answer = get(api, CANDLES, "BTC", **{"from": start, "limit": 7})
        opened += [instant(one["open_at"]) for one in answer["candles"]]
        start = answer["next_from"]
        if start is None:
            break
    newest = NOW.replace(second=0)
    assert opened == [newest - timedelta(minutes=n) for n in range(MINUTES - 1, -1, -1)]


def test_market_search_needs_all_words_and_shows_open_ones_first(api: httpx.Client) -> None:
    """Words in any order and case; closed markets last, with the symbols that they are about."""
    answer = get(api, MARKETS, q=" BITCOIN  will ")
    assert [one["condition_id"] for one in answer["markets"]] == ["0x1", "0x0"]
    assert answer["q"] == "BITCOIN will"
    answer = get(api, MARKETS, q="bitcoin")
    assert [one["condition_id"] for one in answer["markets"]] == ["0x1", "0x0", "0x2"]
    assert [one["symbols"] for one in answer["markets"]] == [["BTC"]] * 3
    assert get(api, MARKETS, q="paris")["markets"][0]["symbols"] == []
    assert get(api, MARKETS, q="bitcoin", limit=1)["count"] == 1


@pytest.mark.parametrize(("q", "found"), [("%", 1), ("50%", 1), ("_", 0), ("*", 0), ("\\", 0)])
def test_wildcards_are_only_what_they_are(api: httpx.Client, q: str, found: int) -> None:
    """A per cent sign finds a per cent sign."""
    assert get(api, MARKETS, q=q)["count"] == found


def test_subject_search_puts_the_exact_hit_first(api: httpx.Client) -> None:
    """By id, name or token."""
    assert [one["subject_id"] for one in get(api, SUBJECTS, q="bitcoin")["subjects"]] == [
        "chain:bitcoin",
        "protocol:bitcoin-bank",
    ]
    assert [one["subject_id"] for one in get(api, SUBJECTS, q="bitcoin", limit=1)["subjects"]] == [
        "chain:bitcoin"
    ]
    assert get(api, SUBJECTS, q="btc")["count"] == 1
    assert get(api, SUBJECTS, q="chain:")["count"] == 1
    assert get(api, SUBJECTS, q="_bank 100%")["count"] == 1
    assert get(api, SUBJECTS, q="nobody")["subjects"] == []


def test_a_book_is_head_and_levels_best_first(api: httpx.Client) -> None:
    """Those of this token only; its age is that of the book."""
    book = get(api, BOOK)
    assert (book["token_id"], book["best_bid"], book["best_ask"]) == (TOKEN, 0.41, 0.43)
    assert (book["is_proven"], book["age_s"]) == (True, 20.0)
    assert instant(book["as_of"]) == ago(seconds=20)
    assert book["bids"] == [{"price": 0.41, "size": 2.5}, {"price": 0.4, "size": 10.0}]
    assert book["asks"] == [{"price": 0.43, "size": 7.0}]
