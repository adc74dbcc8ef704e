"""Walking the catalogue and looking things up, against a server that pages like the venue."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.sources.errors import (
    VenueBusy,
    VenueError,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply

from .shapes import condition, event, market, resolved
from .venue import Waits, asked, queries

if TYPE_CHECKING:
    from market_assets_tests.sources.http_server import Server

    from .venue import Connect


def pages(server: Server, *bodies: Any) -> None:
    """Answer `/events/keyset` with these, in order."""
    server.replies.extend(Reply(body=body) for body in bodies)


def test_walks_to_the_page_without_a_cursor(server: Server, connect: Connect) -> None:
    """With the venue's own parameter: `cursor` would bring the first page for ever."""
    pages(
        server,
        {"events": [event(1), event(2)], "next_cursor": "c1"},
        {"events": [event(3)], "next_cursor": "c2"},
        {"events": [event(4)]},
    )
    gamma = connect(GammaClient)
    walked = list(gamma.event_pages(page_size=2))
    assert [[one.event_id for one in page.events] for page in walked] == [["1", "2"], ["3"], ["4"]]
    assert [page.next_cursor for page in walked] == ["c1", "c2", None]
    assert queries(server) == [
        ("/events/keyset", {"limit": ["2"], "closed": ["false"]}),
        ("/events/keyset", {"limit": ["2"], "closed": ["false"], "after_cursor": ["c1"]}),
        ("/events/keyset", {"limit": ["2"], "closed": ["false"], "after_cursor": ["c2"]}),
    ]


def test_pages_come_as_they_are_asked_for(server: Server, connect: Connect) -> None:
    """So that memory stays bounded: the second page is not fetched before the first is used."""
    pages(server, {"events": [event(1)], "next_cursor": "c1"}, {"events": []})
    gamma = connect(GammaClient)
    walk = gamma.event_pages()
    next(walk)
    assert len(server.requests) == 1
    assert list(walk) == [((), None, {})], "the last page may be empty"


def test_filters_are_the_venues_words(server: Server, connect: Connect) -> None:
    pages(server, {"events": []}, {"events": [], "next_cursor": None}, {"events": []})
    gamma = connect(GammaClient)
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    list(gamma.event_pages(closed=True, end_min=start, end_max=end))
    list(gamma.event_pages(closed=None))
    list(gamma.event_pages(active=True))
    assert [query for _, query in queries(server)] == [
        {
            "limit": ["100"],
            "closed": ["true"],
            "end_date_min": ["2026-01-01T00:00:00Z"],
            "end_date_max": ["2026-02-01T00:00:00Z"],
        },
        {"limit": ["100"]},
        {"limit": ["100"], "closed": ["false"], "active": ["true"]},
    ]


@pytest.mark.parametrize(
    ("bodies", "message"),
    [
        (
            [
                {"events": [event(1)], "next_cursor": "a"},
                {"events": [event(2)], "next_cursor": "a"},
            ],
            "page 2 names a cursor for the second time",
        ),
        ([{"events": [], "next_cursor": "a"}], "page 1 is empty and has a next_cursor"),
        ([[event(1)]], "Expected `object`, got `array`"),
        ([{"markets": []}], "missing required field `events`"),
        ([{"events": None}], "Expected `array`, got `null`"),
        ([{"events": [event(1)], "next_cursor": 7}], "Expected `str | null`, got `int`"),
        ([{"events": [{"id": {}}] * 10}], "none of 10 rows can be read; event [0]"),
    ],
)
def test_a_walk_that_makes_no_sense_ends_with_an_error(
    server: Server, connect: Connect, bodies: list[Any], message: str
) -> None:
    """Never with a loop, and never as if the list were over."""
    pages(server, *bodies)
    gamma = connect(GammaClient)
    with pytest.raises(VenueNonsense) as error:
        list(gamma.event_pages())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_cannot_be_read_is_named_and_counted(server: Server, connect: Connect) -> None:
    """It costs neither its event nor the page."""
    broken = market(2, conditionId=condition(2), closed="maybe")
    pages(server, {"events": [event(1, market(1), broken), {"id": []}], "next_cursor": None})
    gamma = connect(GammaClient)
    (page,) = gamma.event_pages()
    assert [one.condition_id for one in page.events[0].markets] == [condition(1)]
    assert set(page.rejected) == {f"market {condition(2)}", "event [1]"}
    assert gamma.rejected[0] == 2
    assert any("Expected `bool | null`" in sample for sample in gamma.rejected[1])


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Reply(500, {"error": "boom"}), VenueUnavailable),
        (Reply(502, b"<html>Bad Gateway</html>"), VenueUnavailable),
        (Reply(200, b"<html>maintenance</html>"), VenueUnavailable),
        (Reply(body={"events": [event(1)]}, cut=True), VenueUnavailable),
        (Reply(429, {"error": "slow down"}), VenueBusy),
    ],
)
def test_a_bad_moment_passes_and_a_bad_day_is_one_error(
    server: Server, connect: Connect, trouble: Reply, error: type[VenueError]
) -> None:
    """In the middle of a walk: two bad answers cost nothing, four end it."""
    pages(server, {"events": [event(1)], "next_cursor": "c1"})
    server.replies.extend([trouble, trouble, Reply(body={"events": [event(2)]})])
    gamma = connect(GammaClient)
    assert [page.events[0].event_id for page in gamma.event_pages()] == ["1", "2"]
    assert gamma.stats().retries == 2
    pages(server, {"events": [event(1)], "next_cursor": "c1"})
    server.replies.extend([trouble] * 4)
    walk = gamma.event_pages()
    next(walk)
    with pytest.raises(error, match="polymarket: GET /events/keyset"):
        next(walk)


def test_a_refusal_is_not_asked_again(server: Server, connect: Connect) -> None:
    server.replies.append(Reply(422, {"error": "offset is not supported"}))
    gamma = connect(GammaClient)
    with pytest.raises(VenueRejected, match="422"):
        list(gamma.event_pages())
    assert len(server.requests) == 1


def test_retry_after_is_obeyed(server: Server, connect: Connect) -> None:
    waits = Waits()
    server.replies.extend([Reply(429, None, {"Retry-After": "7"}), Reply(body={"events": []})])
    gamma = connect(GammaClient, sleep=waits)
    list(gamma.event_pages())
    assert waits == [7.0]


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
    server.default = lambda _body: Reply(body=[None, market(1, closed=7), market(2)])
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


def tag(number: int) -> dict[str, Any]:
    return {"id": str(number), "label": f"Tag {number}", "slug": f"tag-{number}"}


@pytest.mark.parametrize("page", [100, 30])
def test_tags_are_paged_to_the_end(server: Server, connect: Connect, page: int) -> None:
    """Also where the venue gives fewer than it is asked for; each tag counts once."""
    everything = [tag(n) for n in range(250)] + [tag(3)]

    def route(path: str, _body: Any) -> Reply:
        _, query = asked(path)
        first = int(query["offset"][0])
        return Reply(body=everything[first : first + min(page, int(query["limit"][0]))])

    server.route = route
    gamma = connect(GammaClient)
    found = gamma.tags()
    assert [one.tag_id for one in found.tags] == [str(n) for n in range(250)]
    assert found.tags[7] == ("7", "Tag 7", "tag-7")
    assert found.rejected == {}


def test_tags_that_never_end_are_an_error(server: Server, connect: Connect) -> None:
    server.default = lambda _body: Reply(body=[tag(1), tag(2)])
    gamma = connect(GammaClient)
    with pytest.raises(VenueNonsense, match="from 2 on brings nothing new"):
        gamma.tags()


def test_a_bad_tag_is_named(server: Server, connect: Connect) -> None:
    server.replies.append(Reply(body=[tag(1), None, {"label": "no id"}, {"id": 2, "label": 5}, 7]))
    gamma = connect(GammaClient)
    found = gamma.tags()
    assert [one.tag_id for one in found.tags] == ["1"]
    assert set(found.rejected) == {"tag [2]", "tag 2", "tag [4]"}


def test_sports_name_their_tags(server: Server, connect: Connect) -> None:
    """As a string with commas, or as a list."""
    server.default = lambda _body: Reply(
        body=[
            {"id": 34, "sport": "nba", "tags": "1,745, 100639,", "primaryTagId": 745},
            {"sport": "chess", "tags": [1, "9", None]},
            {"sport": "", "tags": "1"},
            {"sport": "golf", "tags": None},
            {"sport": 5},
        ]
    )
    gamma = connect(GammaClient)
    assert gamma.sports() == (
        ("nba", ("1", "745", "100639")),
        ("chess", ("1", "9")),
        ("golf", ()),
    )
    count, samples = gamma.rejected
    assert count == 2
    assert "sport [2]: it has no name" in " ".join(samples)
    assert asked(server.requests[0][0]) == ("/sports", {})


def test_lists_are_read_out_of_strings_over_the_wire(server: Server, connect: Connect) -> None:
    """The whole way once: bytes of a page to the values of a market."""
    pages(server, {"events": [event(1, resolved(1, outcomes=json.dumps(["Up", "Down"])))]})
    gamma = connect(GammaClient)
    (page,) = gamma.event_pages(closed=None)
    (found,) = page.events[0].markets
    assert (found.outcomes, found.winning_outcome) == (("Up", "Down"), "Up")
    assert found.closed_at == datetime(2026, 11, 19, 0, 0, 16, tzinfo=UTC)
