"""Tags and sports: all pages, each tag once, bad ones named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from market_assets.sources.errors import VenueNonsense
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets_tests.sources.http_server import Reply

from .venue import asked

if TYPE_CHECKING:
    from market_assets_tests.sources.http_server import Server

    from .venue import Connect


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
    assert [(one.tag_id, one.label) for one in found.tags] == [("1", "Tag 1"), ("2", None)]
    assert set(found.rejected) == {"tag [2]", "tag 2 label", "tag [4]"}


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
