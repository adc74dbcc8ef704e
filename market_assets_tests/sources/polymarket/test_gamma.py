"""Walking the catalogue, against a server that pages like the venue."""

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
from market_assets_tests.sources.http_server import Reply

from .shapes import condition, event, market, resolved
from .venue import Waits, queries

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
    assert list(walk) == [((), None, {}, {})], "the last page may be empty"


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
        (
            [
                {"events": [event(1)], "next_cursor": "a"},
                {"events": [event(1)], "next_cursor": "b"},
            ],
            "a page holds only what came before",
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
    broken = market(2, conditionId=condition(2), version=7)
    pages(server, {"events": [event(1, market(1), broken), {"id": []}], "next_cursor": None})
    gamma = connect(GammaClient)
    (page,) = gamma.event_pages()
    assert [one.condition_id for one in page.events[0].markets] == [condition(1)]
    assert set(page.rejected) == {f"market {condition(2)}", "event [1]"}
    assert gamma.rejected[0] == 2
    assert any("Expected `str | null`" in sample for sample in gamma.rejected[1])


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


def test_lists_are_read_out_of_strings_over_the_wire(server: Server, connect: Connect) -> None:
    """The whole way once: bytes of a page to the values of a market."""
    pages(server, {"events": [event(1, resolved(1, outcomes=json.dumps(["Up", "Down"])))]})
    gamma = connect(GammaClient)
    (page,) = gamma.event_pages(closed=None)
    (found,) = page.events[0].markets
    assert (found.outcomes, found.winning_outcome) == (("Up", "Down"), "Up")
    assert found.closed_at == datetime(2026, 11, 19, 0, 0, 16, tzinfo=UTC)
