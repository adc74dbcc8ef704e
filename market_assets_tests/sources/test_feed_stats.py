"""What a feed counts: data is told from answers, and an outage from a trouble of before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from market_assets.sources.feed_stats import ANSWERS, FeedStats

STATS = FeedStats(
    sockets=2,
    connected=2,
    subscribed=0,
    refused={},
    left_out=(),
    frames=0,
    frames_by_channel={},
    undecodable=0,
    undecodable_samples=(),
    rejected={},
    reconnects=0,
    reconnects_by_cause={},
    trouble="refused",
    ages_s={},
)


@pytest.mark.parametrize("channel", sorted(ANSWERS))
def test_answers_are_no_data(channel: str) -> None:
    """A socket that only answers has brought nothing."""
    assert replace(STATS, frames_by_channel={channel: 5}).data_frames == 0
    assert replace(STATS, frames_by_channel={channel: 5, "candle": 2, "x": 1}).data_frames == 3


def test_an_outage_lasts_as_long_as_a_socket_is_not_open() -> None:
    assert STATS.outage is None
    assert replace(STATS, connected=1).outage == "1 of 2 WebSockets not open: refused"
    assert replace(STATS, connected=1, trouble="").outage is None
