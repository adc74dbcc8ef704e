"""One id that a route cannot bear, among 199 good ones: over HTTP, for each route by ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from market_assets.sources.polymarket.clob import ClobClient
from market_assets.sources.polymarket.data_api import DataClient
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets_tests.sources.http_server import Reply

from .shapes import book, condition, event, market
from .venue import asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets_tests.sources.http_server import Server

    from .venue import Connect


class Route(NamedTuple):
    """A route by ids: how it is asked, what it has been asked about, what it answers."""

    name: Callable[[int], str]
    ask: Callable[[Connect, list[str]], tuple[set[str], set[str]]]
    ids: Callable[[dict[str, list[str]], Any], list[str]]
    row: Callable[[str], object]


def _events(connect: Connect, ids: list[str]) -> tuple[set[str], set[str]]:
    found = connect(GammaClient).events(ids)
    return {one.event_id for one in found.events}, set(found.unanswered)


def _markets(connect: Connect, ids: list[str]) -> tuple[set[str], set[str]]:
    found = connect(GammaClient).markets(ids)
    return {one.condition_id for one in found.markets}, set(found.unanswered)


def _interest(connect: Connect, ids: list[str]) -> tuple[set[str], set[str]]:
    found = connect(DataClient).open_interest(ids)
    return set(found.values), set(found.unanswered)


def _books(connect: Connect, ids: list[str]) -> tuple[set[str], set[str]]:
    found = connect(ClobClient).books(ids)
    return set(found.books), set(found.unanswered)


NUMBER = {condition(n): n for n in range(1, 201)}
ROUTES = {
    "/events": Route(str, _events, lambda query, _: query["id"], lambda id_: event(int(id_))),
    "/markets": Route(
        condition,
        _markets,
        lambda query, _: query["condition_ids"],
        lambda id_: market(NUMBER[id_]),
    ),
    "/oi": Route(
        condition,
        _interest,
        lambda query, _: query["market"][0].split(","),
        lambda id_: {"market": id_, "value": 1.0},
    ),
    "/books": Route(str, _books, lambda _, body: [one["token_id"] for one in body], book),
}
HTML = b"<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize("bad", [1, 100, 200])
@pytest.mark.parametrize(
    "fault",
    [Reply(500, {"error": "internal"}), Reply(502, HTML), Reply(400, {"error": "invalid"})],
    ids=["500", "502", "400"],
)
@pytest.mark.parametrize("path", ROUTES)
def test_one_id_costs_itself_and_is_named(
    server: Server, connect: Connect, path: str, fault: Reply, bad: int
) -> None:
    route = ROUTES[path]

    def answer(target: str, body: Any) -> Reply:
        where, query = asked(target)
        assert where == path
        ids = route.ids(query, body)
        return fault if route.name(bad) in ids else Reply(body=[route.row(id_) for id_ in ids])

    server.route = answer
    ids = [route.name(n) for n in range(1, 201)]
    found, unanswered = route.ask(connect, ids)
    assert found == set(ids) - {route.name(bad)}
    assert unanswered == {route.name(bad)}
    assert len(server.requests) < 80
