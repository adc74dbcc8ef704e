"""Subscriptions as pure state: differences, answers, time-outs, refusals and limits."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from market_assets.sources.hyperliquid.ledger import Brake, Ledger, Request
from market_assets.sources.hyperliquid.messages import Subscription

BTC = Subscription("candle", "BTC", "1m")
ETH = Subscription("candle", "ETH", "1m")
SOL = Subscription("candle", "SOL", "1m")
MIDS = Subscription("allMids")


def ledger(brake: Brake | None = None, **changes: Any) -> Ledger:
    return Ledger(
        brake or Brake(),
        **{"ack_timeout": 10.0, "limit_pause": 60.0, "refused_retry": 600.0, **changes},
    )


def send(book: Ledger, now: float) -> list[str]:
    """Send everything that is due: what was said, as `+BTC` or `-BTC`."""
    said = []
    for request in book.due(now):
        book.sent(request, now)
        sign = "+" if request.method == "subscribe" else "-"
        said.append(sign + (request.subscription.coin or "mids"))
    return said


def test_only_the_difference_is_said() -> None:
    book = ledger()
    book.want([MIDS, BTC, ETH])
    assert send(book, 0) == ["+mids", "+BTC", "+ETH"]
    assert send(book, 1) == []
    book.want([MIDS, SOL, BTC])
    assert send(book, 2) == ["-ETH", "+SOL"], "what ends goes first and makes room"
    assert list(book.wanted) == [MIDS, SOL, BTC]


def test_acknowledgements() -> None:
    book = ledger()
    book.want([BTC, ETH])
    send(book, 0)
    assert book.confirmed(BTC, 1)
    assert not book.confirmed(BTC, 2), "once is news, twice is not"
    assert not book.confirmed(SOL, 2), "nobody asked for it"
    assert book.acked == [BTC]
    book.want([ETH])
    assert book.acked == [], "what is not wanted any more does not count"
    assert send(book, 3) == ["-BTC"]
    assert not book.confirmed(BTC, 4), "a late answer changes nothing"


def test_what_is_not_answered_is_asked_again_at_growing_intervals() -> None:
    book = ledger()
    book.want([BTC])
    asked = [now for now in range(2000) if send(book, now)]
    assert asked[:6] == [0, 10, 30, 70, 150, 310]
    assert {later - earlier for earlier, later in itertools.pairwise(asked[5:])} == {320}
    book.confirmed(BTC, 2000)
    assert send(book, 9000) == []


def test_a_new_connection_starts_from_nothing() -> None:
    book = ledger()
    book.want([BTC, ETH])
    send(book, 0)
    book.confirmed(BTC, 1)
    book.forget()
    assert book.acked == []
    assert send(book, 2) == ["+BTC", "+ETH"]


REQUEST = json.loads(BTC.request("subscribe"))


@pytest.mark.parametrize(
    "text",
    [
        "Invalid subscription " + json.dumps(REQUEST),
        "Invalid subscription " + json.dumps(REQUEST["subscription"]),
        'Invalid subscription Candle { coin: "BTC", interval: "1m" }',
    ],
)
def test_a_refusal_is_matched_by_its_text(text: str) -> None:
    """Whether it quotes the request, the subscription, or only the coin. Tried again much later."""
    book = ledger()
    book.want([ETH, BTC])
    send(book, 0)
    book.confirmed(ETH, 1)
    assert book.failed(text, 1) is None
    assert book.refused == {BTC: text}
    assert send(book, 500) == []
    assert send(book, 601) == ["+BTC"]
    assert book.refused == {}


def test_already_subscribed_is_fine() -> None:
    book = ledger()
    book.want([BTC])
    send(book, 0)
    in_force = book.failed("Already subscribed: " + json.dumps(REQUEST["subscription"]), 1)
    assert in_force == BTC
    assert book.failed("Already unsubscribed: " + json.dumps({"type": "candle"}), 1) is None
    assert book.refused == {}


def test_an_error_about_an_acknowledged_one_changes_nothing() -> None:
    book = ledger()
    book.want([BTC])
    send(book, 0)
    book.confirmed(BTC, 1)
    book.failed("Invalid subscription " + json.dumps(REQUEST), 2)
    assert book.acked == [BTC]


def test_an_error_about_nobody_here() -> None:
    book = ledger()
    book.want([BTC])
    send(book, 0)
    with pytest.raises(LookupError):
        book.failed("Cannot track more than 10 total users.", 1)


def test_a_limit_stops_all_sockets_for_a_while() -> None:
    """Its text names nothing: the oldest unanswered request is the one that met it."""
    brake = Brake()
    book, other = ledger(brake), ledger(brake)
    book.want([BTC, ETH])
    send(book, 0)
    book.confirmed(BTC, 1)
    text = "Cannot subscribe to more than 1000 channels."
    book.failed(text, 2)
    assert book.refused == {ETH: text}
    other.want([SOL])
    assert send(other, 30) == []
    assert other.held(30) == [SOL]
    assert book.held(30) == []
    assert other.held(62) == []
    book.want([ETH])
    assert send(book, 31) == ["-BTC"], "what ends is said all the same: it makes room"
    assert send(book, 63) == ["+ETH"]
    assert send(other, 63) == ["+SOL"]


def test_too_many_messages_is_a_limit_too() -> None:
    brake = Brake()
    book = ledger(brake)
    book.want([BTC])
    send(book, 0)
    book.failed("Cannot send more than 2000 messages per minute.", 1)
    assert brake.until == 61
    assert book.refused
    assert send(book, 62) == ["+BTC"]


class Conversation(RuleBasedStateMachine):
    """Whatever is wanted, sent, lost and answered in whatever order: when all is answered, the
    exchange has exactly what is wanted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.book = ledger()
        self.remote: set[Subscription] = set()
        self.wanted: set[Subscription] = set()
        self.in_flight: list[Request] = []

    @rule(names=st.sets(st.sampled_from("ABCDEF")))
    def want(self, names: set[str]) -> None:
        self.wanted = {Subscription("candle", name, "1m") for name in names}
        self.book.want(sorted(self.wanted))

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def talk(self) -> None:
        for request in self.book.due(self.now):
            self.book.sent(request, self.now)
            self.in_flight.append(request)

    @rule(answers=st.integers(0, 5), lose_ack=st.booleans())
    def answer(self, answers: int, *, lose_ack: bool) -> None:
        for request in self.in_flight[:answers]:
            if request.method == "unsubscribe":
                self.remote.discard(request.subscription)
            else:
                self.remote.add(request.subscription)
                if not lose_ack:
                    self.book.confirmed(request.subscription, self.now)
        del self.in_flight[:answers]

    @rule()
    def reconnect(self) -> None:
        self.in_flight.clear()
        self.remote.clear()
        self.book.forget()

    @invariant()
    def acknowledged_is_wanted(self) -> None:
        assert set(self.book.acked) <= self.wanted

    def teardown(self) -> None:
        for _ in range(3):
            self.now += 1000
            self.talk()
            self.answer(10**6, lose_ack=False)
        assert self.remote == self.wanted == set(self.book.acked)


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
