"""The subscriptions of one socket: what is wanted, what was asked for, what the exchange said.

Pure state, no socket and no clock: the caller says what time it is. The difference between what is
wanted and what was asked for is what `due` gives out, so a change of mind touches nothing else.

How the exchange answers: an acknowledgement repeats the subscription; an error is a text, which may
quote the subscription as JSON or just name the coin; a limit's error names nothing at all. Nothing
may come at all: then it is asked for again, at growing intervals.

Not here: how messages look (`messages.py`), which socket gets what (`feed.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.sources.hyperliquid.messages import subscription_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_assets.sources.hyperliquid.messages import Subscription

_LIMIT_TEXTS: Final = ("cannot subscribe to more than", "cannot send more than")
_DONE_TEXT: Final = "already subscribed"
_UNDONE_TEXT: Final = "already unsubscribed"
_MOST_DOUBLINGS: Final = 5


class _Status(Enum):
    ASKED = auto()
    ACKED = auto()
    REFUSED = auto()


@dataclass
class _Entry:
    """Where a subscription stands: since when, after how many requests, with which text."""

    status: _Status
    since: float
    requests: int
    text: str = ""


class Request(NamedTuple):
    """A message to send: `subscribe` or `unsubscribe`."""

    method: str
    subscription: Subscription

    @property
    def text(self) -> str:
        """The message."""
        return self.subscription.request(self.method)


@dataclass
class Brake:
    """Shared by the ledgers of one address: no new subscriptions before `until`."""

    until: float = 0.0


class Ledger:
    """What one socket is subscribed to, and what is to be said about it next.

    Changed by the event loop only; `acked` and `refused` may be read from any thread.
    """

    def __init__(
        self, brake: Brake, *, ack_timeout: float, limit_pause: float, refused_retry: float
    ) -> None:
        """Make a ledger.

        Args:
            brake: the pause that a limit of the exchange imposes on all sockets.
            ack_timeout: seconds until a request without an answer is repeated; then it doubles.
            limit_pause: seconds without new subscriptions after a limit's error.
            refused_retry: seconds until a refused subscription is tried again.
        """
        self._brake = brake
        self._ack_timeout = ack_timeout
        self._limit_pause = limit_pause
        self._refused_retry = refused_retry
        self._wanted: dict[Subscription, None] = {}
        self._entries: dict[Subscription, _Entry] = {}

    @property
    def wanted(self) -> Iterable[Subscription]:
        """What is wanted, in order of rank."""
        return self._wanted.keys()

    @property
    def acked(self) -> list[Subscription]:
        """What is wanted and the exchange acknowledged, or showed by sending it."""
        return [
            subscription
            for subscription, entry in list(self._entries.items())
            if entry.status is _Status.ACKED and subscription in self._wanted
        ]

    @property
    def refused(self) -> dict[Subscription, str]:
        """What the exchange refused, with its text."""
        return {
            subscription: entry.text
            for subscription, entry in list(self._entries.items())
            if entry.status is _Status.REFUSED
        }

    def held(self, now: float) -> list[Subscription]:
        """What is wanted and not asked for, because the exchange named a limit a moment ago."""
        if now >= self._brake.until:
            return []
        return [s for s in list(self._wanted) if s not in self._entries]

    def want(self, subscriptions: Iterable[Subscription]) -> None:
        """Exactly these from now on, most important first."""
        self._wanted = dict.fromkeys(subscriptions)

    def forget(self) -> None:
        """The connection is gone, and with it everything that was asked for."""
        self._entries.clear()

    def due(self, now: float) -> list[Request]:
        """What is to be said now. Ends what is not wanted first: that makes room for the rest."""
        ends = [
            Request("unsubscribe", subscription)
            for subscription in self._entries
            if subscription not in self._wanted
        ]
        if now < self._brake.until:
            return ends
        return ends + [
            Request("subscribe", subscription)
            for subscription in self._wanted
            if self._is_due(self._entries.get(subscription), now)
        ]

    def sent(self, request: Request, now: float) -> None:
        """The request went out."""
        if request.method == "unsubscribe":
            self._entries.pop(request.subscription, None)
            return
        entry = self._entries.get(request.subscription)
        again = entry.requests if entry and entry.status is _Status.ASKED else 0
        self._entries[request.subscription] = _Entry(_Status.ASKED, now, again + 1)

    def confirmed(self, subscription: Subscription, now: float) -> bool:
        """The exchange acknowledged it, or sent its data; True if that is news."""
        entry = self._entries.get(subscription)
        if entry is None or entry.status is _Status.ACKED:
            return False
        self._entries[subscription] = _Entry(_Status.ACKED, now, entry.requests)
        return subscription in self._wanted

    def failed(self, text: str, now: float) -> Subscription | None:
        """The exchange sent an error. Returns the subscription that turns out to be in force.

        Raises:
            LookupError: nobody here can be meant.
        """
        lower = text.lower()
        if any(limit in lower for limit in _LIMIT_TEXTS):
            self._brake.until = max(self._brake.until, now + self._limit_pause)
            meant = self._oldest_unanswered()
        else:
            meant = subscription_in(text)
            if meant not in self._entries:
                meant = self._named_in(text)
        if meant is None:
            if _UNDONE_TEXT in lower:
                return None
            raise LookupError(text)
        if _DONE_TEXT in lower:
            return meant
        entry = self._entries[meant]
        if entry.status is not _Status.ACKED:
            self._entries[meant] = _Entry(_Status.REFUSED, now, entry.requests, text)
        return None

    def _is_due(self, entry: _Entry | None, now: float) -> bool:
        if entry is None:
            return True
        if entry.status is _Status.ASKED:
            patience = self._ack_timeout * 2.0 ** min(entry.requests - 1, _MOST_DOUBLINGS)
            return now - entry.since >= patience
        if entry.status is _Status.REFUSED:
            # A limit's refusal is over with the limit's pause, which the brake has seen to.
            is_limit = any(limit in entry.text.lower() for limit in _LIMIT_TEXTS)
            return is_limit or now - entry.since >= self._refused_retry
        return False

    def _oldest_unanswered(self) -> Subscription | None:
        """Requests are answered in order, so a text that names none means the first of them."""
        asked = (s for s, entry in self._entries.items() if entry.status is _Status.ASKED)
        return min(asked, key=lambda s: self._entries[s].since, default=None)

    def _named_in(self, text: str) -> Subscription | None:
        """The unanswered subscription whose coin the text names in quotes."""
        for subscription, entry in self._entries.items():
            is_open = entry.status is _Status.ASKED and subscription.coin
            if is_open and f'"{subscription.coin}"' in text:
                return subscription
        return None
