"""Events and markets by id: in batches, whatever their state, also where a route is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from market_assets.sources.errors import VenueNonsense, VenueRejected, VenueUnavailable
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply

from .shapes import condition, event, market, resolved
from .venue import asked, queries

if TYPE_CHECKING:
    from market_assets_tests.sources.http_server import Server

    from .venue import Connect


def catalogue(server: Server, *, plain: int = 200, longest: int = 8192) -> None:
    """Serve markets 1 to 150 and events 1 to 120 by id as the venue does.

    `plain` is how the plain routes answer; queries over `longest` bytes are refused.
    """

    def route(path: str, _body: Any) -> Reply:
        where, query = asked(path)
        if len(path) > longest:
            return Reply(414, {"error": "URI too long"})
        if not where.endswith("/keyset") and plain != 200:
            return Reply(plain, {"error": "gone"})
        if "markets" in where:
            known = {condition(n): resolved(n) if n % 2 else market(n) for n in range(1, 151)}
            wanted = query["condition_ids"]
        else:
            known = {str(n): event(n) for n in range(1, 121)}
            wanted = query["id"]
        both = query.get("closed") == ["any"]
        found = [known[id_] for id_ in wanted if id_ in known]
        found = [one for one in found if both or not one["closed"]]
        found = found[: int(query.get("limit", ["20"])[0])]
        if where.endswith("/keyset"):
            return Reply(body={"markets" if "markets" in where else "events": found})
        return Reply(body=found)

    server.route = route


@pytest.mark.parametrize("plain", [200, 404, 410])
def test_markets_are_looked_up_whatever_their_state(
    server: Server, connect: Connect, plain: int
) -> None:
    """In batches, with a limit, `closed=any`; by the keyset route once the plain one is gone."""
    catalogue(server, plain=plain)
    gamma = connect(GammaClient, concurrency=1)
    wanted = [condition(n) for n in range(1, 131)]
    found = gamma.markets([*wanted, condition(9999), condition(1)])
    assert [one.condition_id for one in found.markets] == wanted
    assert {one.closed for one in found.markets} == {True, False}
    assert found.rejected == {}
    told = queries(server)
    sizes = [len(query["condition_ids"]) for where, query in told if plain == 200 or "key" in where]
    assert sizes == [60, 60, 11], "131 ids, each once"
    assert sum("keyset" not in where for where, _ in told) == (3 if plain == 200 else 1)
    assert all(len(path) < 8192 for path, _ in server.requests)


@pytest.mark.parametrize("plain", [200, 404])
def test_events_are_looked_up_by_id(server: Server, connect: Connect, plain: int) -> None:
    catalogue(server, plain=plain)
    gamma = connect(GammaClient)
    found = gamma.events([str(n) for n in range(1, 121)] + ["777777"])
    assert [one.event_id for one in found.events] == [str(n) for n in range(1, 121)]
    assert (found.next_cursor, found.rejected) == (None, {})
    assert len(found.events[0].markets) == 1


def test_looking_up_nothing_asks_nothing(server: Server, connect: Connect) -> None:
    gamma = connect(GammaClient)
    assert gamma.markets([]).markets == ()
    assert gamma.events([]).events == ()
    assert server.requests == []


def test_a_query_that_is_too_long_is_halved(server: Server, connect: Connect) -> None:
    """The venue says 414: the same ids in shorter queries, none lost."""
    catalogue(server, longest=1000)
    gamma = connect(GammaClient, concurrency=2)
    wanted = [condition(n) for n in range(1, 101)]
    assert [one.condition_id for one in gamma.markets(wanted).markets] == wanted
    assert gamma.stats().by_status["414"] > 0
    catalogue(server, longest=10)
    with pytest.raises(VenueRejected, match="414"):
        gamma.markets(wanted[:2])


def test_an_answer_to_something_else_is_not_taken(server: Server, connect: Connect) -> None:
    """A venue that ignores the filter answers its first page: named, and kept out."""
    server.default = lambda _body: Reply(body=[market(1), market(2)])
    gamma = connect(GammaClient)
    found = gamma.markets([condition(2)])
    assert [one.condition_id for one in found.markets] == [condition(2)]
    assert found.rejected == {f"market {condition(1)}": "nobody asked for it"}
    server.default = lambda _body: Reply(body=[event(1), event(2)])
    events = gamma.events(["2"])
    assert [one.event_id for one in events.events] == ["2"]
    assert events.rejected == {"event 1": "nobody asked for it"}


def test_one_bad_market_of_a_look_up_costs_only_itself(server: Server, connect: Connect) -> None:
    server.default = lambda _body: Reply(body=[None, market(1, version=7), market(2)])
    gamma = connect(GammaClient)
    found = gamma.markets([condition(1), condition(2)])
    assert [one.condition_id for one in found.markets] == [condition(2)]
    assert list(found.rejected) == [f"market {condition(1)}"]


@pytest.mark.parametrize("body", [{"data": []}, None, "markets", 7])
def test_a_look_up_answered_with_no_list_is_an_error(
    server: Server, connect: Connect, body: Any
) -> None:
    server.default = lambda _body: Reply(body=body)
    gamma = connect(GammaClient)
    for ask in (gamma.markets, gamma.events):
        with pytest.raises(VenueNonsense, match="Expected `array`"):
            ask(["1"])


def test_a_busy_venue_is_asked_by_fewer_at_once(server: Server, connect: Connect) -> None:
    """Six answers are 429: everything is found, with one request at once at the worst."""
    catalogue(server)
    server.replies.extend([Reply(429, None)] * 6)
    gamma = connect(GammaClient, concurrency=8, retries=RetryPolicy(attempts=7, busy_delay=0.001))
    assert gamma.stats().concurrency == 8
    wanted = [condition(n) for n in range(1, 151)]
    assert len(gamma.markets(wanted).markets) == 150
    stats = gamma.stats()
    assert stats.by_status == {"429": 6, "200": 3}
    assert stats.lowest_concurrency == 1, "8, 4, 2, 1"
    gamma.markets(wanted)
    assert gamma.stats().concurrency > 3, "and more again with each that succeeds"


def test_a_batch_that_fails_is_one_clear_error(server: Server, connect: Connect) -> None:
    """After the last try, however many were under way."""
    server.default = lambda _body: Reply(500, {"error": "boom"})
    gamma = connect(GammaClient)
    with pytest.raises(VenueUnavailable, match=r"GET /markets: 500 .*boom") as error:
        gamma.markets([condition(n) for n in range(300)])
    assert "\n" not in str(error.value)
