"""The simulated Gamma: lists, filters, the states of markets, and the traps in their fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from market_assets_tests.simulator.market_venue import AT, LATELY, SIZE, Api, polymarket
from market_simulator.polymarket.size import PolymarketLimits, PolymarketSize

LONG_AGO = AT - timedelta(days=3)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with polymarket() as running:
        yield running


@pytest.fixture
def moving() -> Iterator[Api]:
    """One whose clock the test moves."""
    with polymarket(limits=PolymarketLimits(plain_cache_s=300)) as running:
        yield running


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [int(row["id"]) for row in rows]


def listed(value: str | list[str]) -> list[str]:
    """A list that may come as a text."""
    return json.loads(value) if isinstance(value, str) else value


def test_a_walk_finds_every_open_event_once(api: Api) -> None:
    """In pages of 100 and of 7, ascending; the last page has no cursor."""
    whole = api.walk("/events/keyset", "events", closed="false")
    assert ids(whole) == sorted(set(ids(whole)))
    assert {str(row["id"]) for row in whole} == {m["event_id"] for m in api.venue.markets()}
    assert not any(row["closed"] for row in whole)
    small: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.gamma("/events/keyset", closed="false", limit=7, **cursor).json()
        small += ids(page["events"])
        assert len(page["events"]) == 7 or "next_cursor" not in page
        if "next_cursor" not in page:
            break
        cursor = {"after_cursor": page["next_cursor"]}
    assert small == ids(whole)


def test_page_sizes(api: Api) -> None:
    """20 by default; more than 100 is cut without a word; `cursor` is page 1 for ever."""
    first = api.gamma("/events/keyset").json()
    assert len(first["events"]) == 20
    assert len(api.gamma("/events/keyset", limit=5000).json()["events"]) == 100
    assert api.gamma("/events/keyset", cursor=first["next_cursor"]).json() == first
    assert len(api.gamma("/events").json()) == 20
    assert len(api.gamma("/tags").json()) == 20
    assert len(api.gamma("/tags", limit=200, offset=10).json()) <= 100


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/events/keyset", {"offset": 20}),
        ("/events/keyset", {"after_cursor": "nonsense"}),
        ("/events/keyset", {"limit": "many"}),
        ("/events/keyset", {"closed": "perhaps"}),
        ("/events/keyset", {"order": "volume24hr"}),
        ("/events/keyset", {"end_date_min": "soon"}),
        ("/events/keyset", {"volume_min": "much"}),
        ("/markets/keyset", {"closed": "any"}),
        ("/markets", {"closed": "ANY"}),
        ("/markets", {"id": [str(i) for i in range(101)]}),
    ],
)
def test_what_is_refused(api: Api, path: str, query: dict[str, Any]) -> None:
    """422 with an object that says why."""
    answer = api.gamma(path, **query)
    assert answer.status_code == 422
    assert answer.json()["type"] == "validation error"


def test_a_long_address_is_too_long(api: Api) -> None:
    """60 condition ids pass, 110 token ids do not."""
    known = [m for m in api.venue.markets() if not m["broken"]]
    conditions = [m["condition_id"] for m in known[:60]]
    found = api.gamma("/markets", condition_ids=conditions, closed="any", limit=100).json()
    assert {m["conditionId"] for m in found} == set(conditions)
    tokens = [token for m in known[:50] for token in m["token_ids"]]
    answer = api.gamma("/markets/keyset", clob_token_ids=tokens, closed="any")
    assert answer.status_code == 414


def test_what_closed_means(api: Api) -> None:
    """Left out: events both, markets open only; sent twice, any beats false beats true."""
    events = api.walk("/events/keyset", "events", **LATELY)
    assert {row["closed"] for row in events} == {True, False}
    ended = api.walk("/events/keyset", "events", closed="true", **LATELY)
    assert {row["closed"] for row in ended} == {True}
    assert ids(ended) == ids([row for row in events if row["closed"]])
    assert not any(row["closed"] for row in api.walk("/markets/keyset", "markets"))
    gone = next(m for row in events if row["closed"] for m in row["markets"] if m["conditionId"])
    by_id = {"condition_ids": gone["conditionId"]}
    for path in ("/markets", "/markets/keyset"):
        for closed, found in [((), 0), (("any",), 1), (("true", "false"), 0), (("true", "Any"), 1)]:
            answer = api.gamma(path, closed=closed, **by_id).json()
            rows = answer if isinstance(answer, list) else answer["markets"]
            assert len(rows) == found, (path, closed)


def test_events_by_name(api: Api) -> None:
    """`id` whatever the state, single objects, slugs, and nobody."""
    rows = api.walk("/events/keyset", "events", **LATELY)
    wanted = [next(r for r in rows if r["closed"] is state) for state in (True, False)]
    found = api.gamma("/events", id=[row["id"] for row in wanted]).json()
    assert sorted(ids(found)) == sorted(ids(wanted))
    for row in wanted:
        assert api.gamma(f"/events/{row['id']}").json()["title"] == row["title"]
    assert ids([api.gamma(f"/events/slug/{wanted[1]['slug']}").json()]) == ids(wanted[1:])
    assert api.gamma("/events/7").status_code == 404
    assert api.gamma("/events/x").status_code == 404
    market = next(m for m in wanted[1]["markets"] if not m["closed"])
    assert api.gamma(f"/markets/{market['id']}").json()["slug"] == market["slug"]


def test_filters(api: Api) -> None:
    """By tag, by end, by volume, by activity; and without markets."""
    crypto = api.walk("/events/keyset", "events", closed="false", tag_id=21)
    assert crypto
    assert all("21" in [tag["id"] for tag in row["tags"]] for row in crypto)
    rest = api.walk("/events/keyset", "events", closed="false", exclude_tag_id=21)
    every = api.walk("/events/keyset", "events", closed="false")
    assert sorted(ids(crypto) + ids(rest)) == ids(every)
    low, high = AT - timedelta(days=20), AT - timedelta(days=10)
    window = {"end_date_min": low.isoformat(), "end_date_max": high.isoformat()}
    ended = api.walk("/events/keyset", "events", closed="true", **window)
    assert ended
    assert all(low <= at(row["endDate"]) <= high for row in ended)
    busy = api.walk("/events/keyset", "events", closed="false", volume_min=100_000)
    assert ids(busy) == [int(row["id"]) for row in every if row["volume"] >= 100_000]
    bare = api.gamma("/events/keyset", closed="false", include_markets="false").json()["events"]
    assert not any("markets" in row for row in bare)
    assert api.gamma("/markets", active="false", limit=100).json() == [
        m for m in api.walk("/markets/keyset", "markets") if not m["active"]
    ]


def at(text: str) -> Any:
    return type(AT).fromisoformat(text)


def test_the_traps_are_there(api: Api) -> None:
    """Each form that a reader must know comes up among open and closed markets."""
    rows = api.walk("/events/keyset", "events", end_date_min="2026-11-20T06:00:00Z")
    markets = [m for row in rows for m in row["markets"]]
    kinds = {type(m["outcomes"]) for m in markets}
    assert kinds == {str, list}
    assert {type(m["id"]) for m in markets} == {str, int}
    assert {type(row["id"]) for row in rows} == {str, int}
    assert {m.get("version") for m in markets} >= {"v1", "v2"}
    assert all(("clobTokenIds" in m) is (m.get("version") != "v2") for m in markets if sound(m))
    assert any("positionIds" in m for m in markets if m.get("version") == "v1")
    assert any("volumeNum" not in m for m in markets)
    assert all(isinstance(m["volume"], str) and isinstance(m["liquidity"], str) for m in markets)
    assert {m.get("negRiskRequestID", "absent") for m in markets} >= {"", "absent"}
    assert any("$schema" in row for row in rows)
    assert any("+00" in m["closedTime"] and " " in m["closedTime"] for m in markets if m["closed"])
    assert {m["liquidity"] for m in markets if m["closed"]} == {"0"}
    assert any(m["closed"] and m["acceptingOrders"] for m in markets)
    assert all(m["active"] for m in markets[:3])
    assert any(m["closed"] and not row["closed"] for row in rows for m in row["markets"])
    assert {m.get("umaResolutionStatus") for m in markets} >= {None, "", "resolved"}
    assert any(row["negRisk"] and len(row["markets"]) > 2 for row in rows)


def sound(market: dict[str, Any]) -> bool:
    return bool(market["conditionId"]) and '["123"]' not in str(market.get("clobTokenIds"))


def test_broken_markets_are_few_and_known(api: Api) -> None:
    """What cannot be decoded is what the truth calls broken, and nothing else."""
    truth = {m["market_id"]: m["broken"] for m in api.venue.markets()}
    assert sum(1 for broken in truth.values() if broken) >= 2
    for row in api.walk("/events/keyset", "events", closed="false"):
        for market in row["markets"]:
            try:
                names, prices = listed(market["outcomes"]), listed(market["outcomePrices"])
                tokens = listed(market.get("clobTokenIds") or market["positionIds"])
                readable = (
                    len(names) == len(prices) == len(tokens) == 2
                    and all(0 <= float(price) <= 1 for price in prices)
                    and float(market["volume"]) >= 0
                    and bool(market["conditionId"])
                    and ("endDate" not in market or at(market["endDate"]) > LONG_AGO)
                )
            except ValueError:
                readable = False
            assert readable is (truth[str(market["id"])] is None), market


def test_an_up_or_down_market_lives_and_ends(moving: Api) -> None:
    """Open, outcome known at price 1 while open, closed, gone from the list, resolved."""
    truth = next(
        m
        for m in moving.venue.markets()
        if "Up or Down -" in m["question"] and m["version"] == "v1" and not m["broken"]
        if m["end_at_ms"] > AT.timestamp() * 1000
    )
    name = truth["condition_id"]
    moving.venue.jump(60)
    stages = []
    for _ in range(200):
        (row,) = moving.gamma("/markets/keyset", condition_ids=name, closed="any").json()["markets"]
        (real,) = moving.venue.markets(name)
        sure = set(listed(row["outcomePrices"])) == {"0", "1"}
        stage = (sure, row["closed"], row.get("umaResolutionStatus") == "resolved")
        if not stages or stages[-1] != stage:
            still = moving.gamma("/markets/keyset", condition_ids=name).json()["markets"]
            assert bool(still) is not row["closed"]
            stages.append(stage)
        assert (row["closed"], stage[2]) == (real["closed"], real["resolved"])
        if stage[2]:
            break
        ended = moving.venue.now_ms() >= real["end_at_ms"]
        moving.venue.jump(5 if ended else (real["end_at_ms"] - moving.venue.now_ms()) / 1000)
    assert stages[0] == (False, False, False)
    assert (True, False, False) in stages
    assert stages[-1] == (True, True, True)
    names, prices = listed(row["outcomes"]), listed(row["outcomePrices"])
    assert real["winning_outcome"] == names[prices.index("1")]


def test_an_event_and_a_market_are_taken_back_and_come_again(moving: Api) -> None:
    """No answer names them, by whatever they are asked for; the plain lists after their cache."""
    events = moving.walk("/events/keyset", "events", closed="false", active="true")
    event, other = [one for one in events if len(one["markets"]) > 2][:2]
    market = other["markets"][0]
    name, token = market["conditionId"], listed(market["clobTokenIds"])[0]
    asked = {"id": event["id"], "closed": "any"}
    assert moving.gamma("/events", **asked).json()
    moving.venue.remove_market(event["id"])
    moving.venue.remove_market(name)
    assert moving.gamma("/events", **asked).json(), "the cache repeats itself"
    moving.venue.jump(301)
    assert moving.gamma("/events", **asked).json() == []
    assert moving.gamma(f"/events/{event['id']}").status_code == 404
    assert moving.gamma("/markets", condition_ids=name, closed="any").json() == []
    inner = event["markets"][0]["conditionId"]
    assert moving.gamma("/markets", condition_ids=inner, closed="any").json() == []
    left = moving.walk("/events/keyset", "events", closed="false", active="true")
    assert event["id"] not in {one["id"] for one in left}
    (there,) = (one for one in left if one["id"] == other["id"])
    assert len(there["markets"]) == len(other["markets"]) - 1
    assert moving.clob("/book", token_id=token).status_code == 404
    assert moving.data("/oi", market=name).json() == []
    moving.venue.restore_market(event["id"])
    moving.venue.restore_market(name)
    moving.venue.jump(301)
    assert moving.gamma("/events", **asked).json()
    assert moving.gamma("/markets", condition_ids=name, closed="any").json()


def test_new_markets_come_all_the_time(moving: Api) -> None:
    """Half an hour later some events are gone and others are there."""
    before = set(ids(moving.walk("/events/keyset", "events", closed="false")))
    moving.venue.jump(1800)
    after = set(ids(moving.walk("/events/keyset", "events", closed="false")))
    assert after - before
    assert before - after
    for number in before - after:
        assert moving.gamma(f"/events/{number}").json()["closed"]


def test_plain_lists_are_old_for_five_minutes(moving: Api) -> None:
    """Deprecated, and cached by address; lists by cursor are not."""
    first = moving.gamma("/events", closed="false", limit=100)
    assert first.headers["deprecation"] == "true"
    moving.venue.jump(250)
    assert moving.gamma("/events", closed="false", limit=100).json() == first.json()
    fresh = moving.gamma("/events/keyset", closed="false", limit=100).json()["events"]
    assert fresh != first.json()
    moving.venue.jump(51)
    assert moving.gamma("/events", closed="false", limit=100).json() != first.json()


def test_sports_and_tags(api: Api) -> None:
    """Tags of a sport are a text with commas; the tags of events are among the pages of tags."""
    sports = api.gamma("/sports").json()
    assert len(sports) > 400
    assert all(part.isdigit() for row in sports for part in row["tags"].split(","))
    pages = [api.gamma("/tags", limit=100, offset=i).json() for i in range(0, 700, 100)]
    assert [len(page) for page in pages][:4] == [100] * 4
    assert pages[-1] == []
    tags = {tag["id"] for page in pages for tag in page}
    assert len(tags) == sum(len(page) for page in pages)
    used = {t["id"] for e in api.walk("/events/keyset", "events", **LATELY) for t in e["tags"]}
    assert used <= tags
    assert {"21", "1312", "235", "39", "818", "102127"} <= used


def test_the_same_seed_is_the_same_catalogue() -> None:
    """Another one is another; and the size asked for is about what is open."""
    pages = []
    for seed in (1, 1, 2):
        with polymarket(SIZE, seed=seed) as running:
            pages.append(running.walk("/events/keyset", "events", closed="false"))
    assert pages[0] == pages[1] != pages[2]
    assert 0.7 * SIZE.events < len(pages[0]) < 1.4 * SIZE.events


def test_a_catalogue_of_one_event() -> None:
    """The smallest there is still has something in it."""
    with polymarket(PolymarketSize(events=1)) as running:
        assert running.gamma("/events/keyset", closed="false").json()["events"]
