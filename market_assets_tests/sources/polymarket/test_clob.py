"""Books: best first whatever the order, sound or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.sources.errors import VenueNonsense
from market_assets.sources.polymarket.clob import ClobClient
from market_assets.sources.polymarket.model import Book
from market_assets_tests.sources.http_server import Reply

from .shapes import NO, YES, book, condition

if TYPE_CHECKING:
    from market_assets_tests.sources.http_server import Server

    from .venue import Connect


def test_reads_every_value_of_a_book(server: Server, connect: Connect) -> None:
    """The venue's lists end with the best level; here they begin with it."""
    server.replies.append(Reply(body=[book()]))
    clob = connect(ClobClient)
    answer = clob.books([YES])
    assert answer.rejected == {}
    assert answer.books == {
        YES: Book(
            token_id=YES,
            condition_id=condition(1),
            bids=((0.15, 10.5), (0.1, 30.0)),
            asks=((0.16, 20.0), (0.9, 7.0)),
            at=datetime.fromtimestamp(1_795_000_000, UTC).replace(microsecond=123_000),
            hash="ab" * 20,
            tick_size=0.01,
            min_order_size=5.0,
            neg_risk=False,
            last_trade_price=0.15,
        )
    }
    assert server.requests == [("/books", [{"token_id": YES}])]


def test_the_best_level_is_found_in_either_order(server: Server, connect: Connect) -> None:
    levels = book()
    turned = book(bids=levels["bids"][::-1], asks=levels["asks"][::-1])
    server.replies.append(Reply(body=[turned]))
    clob = connect(ClobClient)
    found = clob.books([YES]).books[YES]
    assert (found.bids[0], found.asks[0]) == ((0.15, 10.5), (0.16, 20.0))


def test_a_side_may_be_empty_and_a_trade_may_be_missing(server: Server, connect: Connect) -> None:
    server.replies.append(Reply(body=[book(bids=[], last_trade_price="", hash="")]))
    clob = connect(ClobClient)
    answer = clob.books([YES])
    assert answer.rejected == {}
    assert (answer.books[YES].bids, answer.books[YES].last_trade_price) == ((), None)
    assert answer.books[YES].hash is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"bids": [{"price": "0.17", "size": "1"}]}, "crossed: bid 0.17, ask 0.16"),
        ({"bids": [{"price": "0.16", "size": "1"}]}, "crossed"),
        ({"bids": [{"price": "-0.1", "size": "1"}]}, "price -0.1"),
        ({"bids": [{"price": "0", "size": "1"}]}, "a level at 0"),
        ({"asks": [{"price": "1.7", "size": "1"}]}, "price 1.7"),
        ({"asks": [{"price": "0.5", "size": "-1"}]}, "size -1.0"),
        ({"asks": [{"price": "0.5", "size": "0"}]}, "size 0.0"),
        ({"asks": [{"price": "x", "size": "1"}]}, "'x' is no number"),
        ({"asks": [{"price": "0.5", "size": "1"}] * 2}, "stands twice"),
        ({"asks": [{"price": "0.5"}]}, "missing required field `size`"),
        ({"asks": None}, "a side is missing"),
        ({"timestamp": ""}, "no number"),
        ({"timestamp": "0"}, "timestamp 0 is no time"),
    ],
)
def test_a_book_that_is_not_sound_is_kept_out_whole(
    server: Server, connect: Connect, changed: dict[str, Any], reason: str
) -> None:
    """Depth without its bad level would be wrong; other tokens' books stand."""
    server.replies.append(Reply(body=[book(YES, **changed), None, book(NO)]))
    clob = connect(ClobClient)
    answer = clob.books([YES, NO])
    assert list(answer.books) == [NO]
    ((name, why),) = answer.rejected.items()
    assert name.startswith("book ")
    assert reason in why


def test_a_bad_value_beside_the_levels_is_named(server: Server, connect: Connect) -> None:
    server.replies.append(Reply(body=[book(tick_size="-1", last_trade_price="1.7")]))
    clob = connect(ClobClient)
    answer = clob.books([YES])
    assert (answer.books[YES].tick_size, answer.books[YES].last_trade_price) == (None, None)
    assert set(answer.rejected) == {f"book {YES} tick_size", f"book {YES} last_trade_price"}


def test_books_come_in_batches_and_missing_ones_are_left_out(
    server: Server, connect: Connect
) -> None:
    tokens = [str(n) for n in range(600)]

    def route(_path: str, body: Any) -> Reply:
        wanted = [one["token_id"] for one in body]
        assert len(wanted) <= 250
        return Reply(body=[book(token) for token in wanted if int(token) % 2])

    server.route = route
    clob = connect(ClobClient)
    answer = clob.books(tokens)
    assert list(answer.books) == [token for token in tokens if int(token) % 2]
    assert answer.rejected == {}
    assert len(server.requests) == 3


def test_a_book_of_another_token_is_not_taken(server: Server, connect: Connect) -> None:
    server.replies.append(Reply(body=[book(NO)]))
    clob = connect(ClobClient)
    answer = clob.books([YES])
    assert answer.books == {}
    assert "which nobody asked for" in answer.rejected["book [0]"]


@pytest.mark.parametrize("body", [None, {"books": []}, "x"])
def test_books_that_are_no_list_are_an_error(server: Server, connect: Connect, body: Any) -> None:
    server.default = lambda _body: Reply(body=body)
    clob = connect(ClobClient)
    with pytest.raises(VenueNonsense, match="/books: Expected `array`"):
        clob.books([YES])


def test_an_answer_that_is_no_text_is_no_answer(server: Server, connect: Connect) -> None:
    """Bytes that are no UTF-8, JSON that is broken in its middle, nesting without end."""
    clob = connect(ClobClient)
    endless = b"[" * 100_000 + b"]" * 100_000
    for body in (b'[{"asset_id": "\xff\xfe"}]', b'[{"asset_id": tru}]', endless):
        server.replies.append(Reply(body=body))
        assert list(clob.books([YES]).rejected) == ["book [0]"]
    server.replies.append(Reply(body=b'[{"asset_id": "1", "bids": [}]'))
    assert list(clob.books([YES]).rejected) == ["book 1"]
