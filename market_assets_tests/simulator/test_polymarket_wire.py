"""What stands between the simulated Polymarket and its clients: limits, faults, recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from market_assets_tests.recordings import recordings
from market_assets_tests.simulated import simulated
from market_assets_tests.simulator.market_venue import SIZE, Api, polymarket
from market_simulator.polymarket.size import PolymarketLimits
from market_simulator.venues import made_up, unrecorded

RECORDED = recordings("polymarket")
real = pytest.mark.skipif(RECORDED is None, reason="the recordings are not on this machine")


@pytest.fixture(scope="module")
def shared() -> Iterator[Api]:
    with polymarket() as running:
        yield running


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    """The venue, without faults before and after."""
    yield shared
    shared.venue.clear()


def test_each_route_has_a_limit_and_each_api_one_for_all() -> None:
    """429 beyond it, with a time to wait now and then; other routes go on."""
    with polymarket(limits=PolymarketLimits(scale=0.02)) as api:  # 10 for /events, 80 in all
        answers = [api.gamma("/events/keyset", limit=1) for _ in range(16)]
        assert [a.status_code for a in answers] == [200] * 10 + [429] * 6
        assert {"Retry-After" in a.headers for a in answers[10:]} == {True, False}
        assert api.gamma("/events/keyset").text == "error code: 1015"
        assert api.gamma("/tags").status_code == 200
        rest = [api.gamma("/status").status_code for _ in range(80)]
        assert rest == [200] * 69 + [429] * 11
        assert api.data("/trades", limit=1).status_code == 200
        counted = api.venue.stats()["requests"]["/polymarket/gamma/events/keyset"]
        assert counted == {"200": 10, "429": 7}


def test_a_limit_lasts_ten_seconds() -> None:
    """A sliding window of the venue's clock."""
    with polymarket(limits=PolymarketLimits(scale=0.005), speed=100.0) as api:  # 1 for /trades
        statuses = [api.data("/trades", limit=1).status_code]
        while statuses.count(200) < 3 and len(statuses) < 10_000:
            statuses.append(api.data("/trades", limit=1).status_code)
    assert statuses.count(200) == 3
    assert set(statuses) <= {200, 429}


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("http_429", 429, "null"),
        ("http_500", 500, "null"),
        ("http_502", 502, "<html>"),
        ("http_html", 200, "<!DOCTYPE html>"),
        ("http_null", 200, "null"),
    ],
)
def test_faults_strike_where_they_are_told(api: Api, name: str, status: int, body: str) -> None:
    """By the end of the path and by venue; so often and no more."""
    api.venue.control(name=name, path="/trades", venue="polymarket", count=1, retry_after=2.5)
    assert api.gamma("/tags").status_code == 200
    answer = api.data("/trades")
    assert (answer.status_code, answer.text[: len(body)]) == (status, body)
    if status in (429, 500):
        assert answer.headers["Retry-After"] == "2.5"
    assert api.data("/trades").json()[0]["proxyWallet"]


def test_a_fault_of_another_venue_does_not_strike(api: Api) -> None:
    """And one without a venue strikes them all."""
    api.venue.control(name="http_500", venue="hyperliquid")
    assert api.gamma("/tags").status_code == 200
    info = {"json": {"type": "meta"}, "trust_env": False}
    assert httpx.post(f"{api.venue.url}/info", **info).status_code == 500
    api.venue.clear()
    api.venue.control(name="http_500", venue="polymarket", path="/events/*")
    assert httpx.post(f"{api.venue.url}/info", **info).status_code == 200
    assert api.gamma("/events/17").status_code == 500
    assert api.gamma("/events/keyset").status_code == 500
    assert api.gamma("/events").status_code == 200
    api.venue.clear()
    api.venue.control(name="unavailable")
    assert api.clob("/ok").status_code == 502


def test_answers_that_do_not_come_and_answers_that_end_early(api: Api) -> None:
    """No answer for some time; half a body and the end of the connection."""
    api.venue.control(name="http_timeout", path="/oi", seconds=0.2, count=1)
    assert api.data("/oi").status_code == 504
    api.venue.control(name="http_cut", path="/sports", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        api.gamma("/sports")


def test_an_empty_page_keeps_its_cursor(api: Api) -> None:
    """A list is empty, a page has its cursor and nothing else; a page that is empty is not."""
    api.venue.control(name="empty_page", count=2)
    assert api.data("/trades", start=9_999_999_999).json() == []
    page = api.gamma("/events/keyset").json()
    assert page["events"] == []
    assert page["next_cursor"]
    assert api.data("/trades").json() == []
    assert api.data("/trades").json() != []


def test_wrong_types_hit_one_row(api: Api) -> None:
    """The one that is named, or the first."""
    rows = api.gamma("/events/keyset").json()["events"]
    chosen = next(m for row in rows[1:] for m in row["markets"] if m["conditionId"])
    api.venue.control(name="wrong_types", path="/keyset", coin=chosen["conditionId"], count=1)
    spoilt = api.gamma("/events/keyset").json()["events"]
    hit = [m for row in spoilt for m in row["markets"] if isinstance(m["slug"], list)]
    assert [m["conditionId"] for m in hit] == [chosen["conditionId"]]
    api.venue.control(name="wrong_types", path="/trades", count=1)
    trades = api.data("/trades").json()
    assert trades[0]["price"] == [{"unexpected": trades[0]["price"][0]["unexpected"]}]
    assert isinstance(trades[-1]["price"], float)


def test_truth_that_cannot_be_told(api: Api) -> None:
    """A clear line for a wrong question."""
    base = f"{api.venue.url}/__control__/polymarket/truth"
    for query in ("kind=prices", "", "kind=trades&from=1", "kind=trades&from=x&to=2"):
        answer = httpx.get(f"{base}?{query}", trust_env=False)
        assert answer.status_code == 400
        assert "kind" in answer.json()["error"]


def made(folder: Path) -> Path:
    """A folder in the form of the recordings, by hand."""
    tag = {"id": "21", "label": "Crypto", "slug": "crypto"}
    market = {"id": "5", "conditionId": "0xaa", "question": "?", "outcomes": '["Yes", "No"]'}
    market |= {"slug": "m", "closed": False, "active": True, "clobTokenIds": '["71", "72"]'}
    market |= {"endDate": "2026-07-01T00:00:00Z"}
    old = {"id": "9", "ticker": "e", "title": "Old", "slug": "e", "endDate": market["endDate"]}
    old |= {"closed": False, "active": True, "updatedAt": "2026-01-01", "markets": [market]}
    new = old | {"title": "New", "updatedAt": "2026-02-01", "tags": [tag]}
    gone = old | {"id": "4", "closed": True, "markets": []}
    book = {"market": "0xaa", "asset_id": "71", "tick_size": "0.01", "hash": "h"}
    book |= {"bids": [{"price": "0.4", "size": "1"}], "asks": []}
    trade = {"proxyWallet": "0x1", "transactionHash": "0x2", "side": "BUY", "conditionId": "0xaa"}
    trade |= {"size": 10, "price": 0.5, "timestamp": 1_700_000_000, "asset": "71"}
    bodies: dict[str, Any] = {
        "a.json": new,
        "b.json": {"events": [old, gone], "pagination": {}},
        "c.json": [book],
        "d.jsonl": "\n".join(json.dumps(trade | {"size": i}) for i in (1, 2)),
        "e.json": {"instrument_id": 3},
    }
    for name, body in bodies.items():
        (folder / name).write_text(body if isinstance(body, str) else json.dumps(body))
    return folder


def test_a_folder_made_by_hand(tmp_path: Path) -> None:
    """Newest wins, trades move by whole days, what is missing is said, the rest is made up."""
    folder = tmp_path / "polymarket"
    folder.mkdir()
    made(folder)
    assert unrecorded(tmp_path) == ("/sports", "/oi")
    assert made_up(folder) == "no recordings of defillama, hyperliquid: these are made up"
    serving = simulated(main=1, builder=0, spot=1, recordings=tmp_path)
    with serving as venue, closing(Api(venue)) as api:
        (event,) = api.gamma("/events/keyset", closed="false").json()["events"]
        assert event["title"] == "New"
        assert [e["id"] for e in api.gamma("/events", closed="any").json()] == ["4", "9"]
        assert api.gamma("/events/keyset", tag_id=21).json()["events"] == [event]
        (alone,) = api.gamma("/markets", condition_ids="0xaa", include_tag="true").json()
        assert (alone["events"][0]["id"], alone["tags"][0]["id"]) == ("9", "21")
        assert api.gamma("/markets", clob_token_ids="99").json() == []
        assert api.gamma("/events", slug="e", end_date_max="2026-06-01").json() == []
        rows = api.trades(filterType="TOKENS", filterAmount=1.5)
        assert [row["size"] for row in rows] == [2]
        age = venue.now_ms() // 1000 - rows[0]["timestamp"]
        assert 0 <= age < 86_400
        assert (rows[0]["timestamp"] - 1_700_000_000) % 86_400 == 0
        assert api.clob("/book", token_id="71").json()["hash"] == "h"
        assert api.post("/prices", [{"token_id": "71", "side": "SELL"}]).json() == {
            "71": {"SELL": "1"}
        }
        assert api.data("/oi", market="0x" + "a" * 64).status_code == 500
        assert any("no recording of Polymarket's /sports, /oi" in n for n in venue.stats()["notes"])
        base = f"{venue.url}/__control__/polymarket/truth?kind=markets"
        assert httpx.get(base, trust_env=False).status_code == 409
        assert venue.info(type="meta")["universe"]


def test_a_folder_with_nothing_is_an_error(tmp_path: Path) -> None:
    """Before anything is served."""
    with pytest.raises(FileNotFoundError, match="no recordings of any venue"):
        unrecorded(tmp_path)


@real
def test_what_was_recorded_is_served_as_it_was() -> None:
    """Events, books and trades with the recorded numbers."""
    assert RECORDED is not None
    serving = simulated(main=1, builder=0, spot=1, recordings=RECORDED)
    with serving as venue, closing(Api(venue)) as api:
        events = {e["id"]: e for e in api.walk("/events/keyset", "events")}
        raw = json.loads((RECORDED / "polyoxide-gamma-event-1.json").read_bytes())
        assert events[raw["id"]] == raw
        books = json.loads((RECORDED / "trebuchet-clob-books-1.json").read_bytes())
        tokens = [{"token_id": book["asset_id"]} for book in books]
        assert api.post("/books", tokens).json() == books
        trades = json.loads((RECORDED / "polyoxide-data-trades-1.json").read_bytes())
        served = api.trades()
        assert len(served) == len(trades)
        assert [t["transactionHash"] for t in served] == [t["transactionHash"] for t in trades]
        assert {s["timestamp"] - t["timestamp"] for s, t in zip(served, trades, strict=True)} == {
            served[0]["timestamp"] - trades[0]["timestamp"]
        }


def test_the_simulator_serves_all_venues_at_its_usual_size() -> None:
    """Requests to one are answered while another is walked; counts are by path."""
    with polymarket(SIZE, speed=1.0) as api:
        assert api.walk("/events/keyset", "events", closed="false")
        assert "BTC" in api.venue.info(type="allMids")
        requests = api.venue.stats()["requests"]
    assert set(requests) == {"/polymarket/gamma/events/keyset", "allMids"}
