"""What a feed over WebSockets counts, whatever the venue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWERS: Final = frozenset({"pong", "subscriptionResponse", "error", "other"})
"""Channels of frames that carry no data: answers to what was sent, and what nobody asked for."""


@dataclass(frozen=True)
class FeedStats:
    """What the feed did since it was made, and how it is now.

    Attributes:
        sockets: how many sockets there are to be.
        connected: how many of them are open.
        subscribed: acknowledged subscriptions.
        refused: symbols (or what else is subscribed to) that the venue refuses now, with its text.
        left_out: wanted symbols without a subscription because of a limit, those that rank higher
            first.
        frames: frames received, all channels.
        frames_by_channel: the same by channel; `other` for channels that nobody asked for.
        undecodable: frames that could not be decoded.
        undecodable_samples: the last five of them, and of errors that name nothing, cut to 200
            characters.
        rejected: symbols of which a value was dropped because it made no sense, with the last
            reason.
        reconnects: connections lost, for whatever cause.
        reconnects_by_cause: the same by cause: reconnect or silence.
        trouble: why a socket that is not open was lost or could not be opened, the latest reason of
            several; while all are open, why one was last lost; '' if that never happened.
        ages_s: seconds since the last frame by channel; a channel is there once it has had one.
    """

    sockets: int
    connected: int
    subscribed: int
    refused: Mapping[str, str]
    left_out: tuple[str, ...]
    frames: int
    frames_by_channel: Mapping[str, int]
    undecodable: int
    undecodable_samples: tuple[str, ...]
    rejected: Mapping[str, str]
    reconnects: int
    reconnects_by_cause: Mapping[str, int]
    trouble: str
    ages_s: Mapping[str, float]

    @property
    def data_frames(self) -> int:
        """Frames that brought data, as opposed to answers and pongs."""
        return sum(n for channel, n in self.frames_by_channel.items() if channel not in ANSWERS)

    @property
    def outage(self) -> str | None:
        """What is not open now and why, in a line; None if all is, or nothing has failed yet."""
        missing = self.sockets - self.connected
        if missing <= 0 or not self.trouble:
            return None
        return f"{missing} of {self.sockets} WebSockets not open: {self.trouble}"
