"""Messages as Slack, Discord and a receiver of one's own get them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from market_assets.operations.alerts.message import body, in_words
from market_assets_tests.operations.alerts.examples import ALERT, MIDS, NOW, RECOVERY

UI = "http://127.0.0.1:3000"


def _sent(url: str, message: object = ALERT) -> dict[str, object]:
    found = json.loads(body(message, url=url, ui_url=UI))  # type: ignore[arg-type]  # a message
    assert isinstance(found, dict)
    return found


def test_a_receiver_of_one_s_own_gets_every_field_and_the_text() -> None:
    sent = _sent("http://127.0.0.1:9/hook")
    text = sent.pop("text")
    assert sent.pop("content") == text
    assert text == (
        "🔴 hyperliquid/mids has failed\n"
        "error, since 2026-11-20 11:58:00 UTC\n"
        "VenueDown: 502 <html> & @everyone\n"
        "with it: hyperliquid/candles\n"
        "run: http://127.0.0.1:3000/runs/run-1\n"
        "what to do: docs/runbook.md#a-channel-has-failed"
    )
    assert sent == {
        "event": "alert",
        "title": "hyperliquid/mids has failed",
        "severity": "error",
        "source": "hyperliquid",
        "channel": "mids",
        "status": "failed",
        "since": "2026-11-20T11:58:00+00:00",
        "at": "2026-11-20T12:00:00+00:00",
        "durationSec": 120.0,
        "lastError": "VenueDown: 502 <html> & @everyone",
        "runUrl": "http://127.0.0.1:3000/runs/run-1",
        "runbook": "docs/runbook.md#a-channel-has-failed",
        "runbookUrl": None,
        "also": ["hyperliquid/candles"],
    }


def test_a_runbook_that_is_published_is_linked_to() -> None:
    """Else its file is named: a path is no address, and a program that opens it would fail."""
    published = "https://wiki.example.org/runbook.md"
    said = json.loads(body(ALERT, url="https://example.org/", ui_url=UI, runbook_url=published))
    assert said["runbookUrl"] == f"{published}#a-channel-has-failed"
    assert f"what to do: {published}#a-channel-has-failed" in said["text"]


def test_a_recovery_says_how_long_it_took() -> None:
    sent = _sent("https://example.org/hook", RECOVERY)
    assert sent["text"] == "🟢 over after 1 h 20 min: hyperliquid/mids has failed"
    assert (sent["event"], sent["status"], sent["durationSec"]) == ("recovery", "ok", 4800.0)


def test_a_reminder_says_for_how_long_it_has_been() -> None:
    reminder = replace(ALERT, kind="reminder", at=NOW + timedelta(hours=6))
    title = _sent("https://example.org/", reminder)["title"]
    assert title == "still, for 6 h 2 min: hyperliquid/mids has failed"


def test_slack_gets_text_alone_with_its_markup_escaped() -> None:
    """It would take `channel` for the name of a Slack channel."""
    sent = _sent("https://hooks.slack.com/services/T/B/x")
    assert set(sent) == {"text"}
    assert "502 &lt;html&gt; &amp; @everyone" in str(sent["text"])


@pytest.mark.parametrize("host", ["discord.com", "canary.discord.com", "DISCORDAPP.com"])
def test_discord_gets_content_that_notifies_nobody(host: str) -> None:
    sent = _sent(f"https://{host}/api/webhooks/1/x")
    assert set(sent) == {"content", "allowed_mentions"}
    assert sent["allowed_mentions"] == {"parse": []}
    long = replace(ALERT, problem=replace(MIDS, error="x" * 5000))
    assert len(str(_sent(f"https://{host}/api/webhooks/1/x", long)["content"])) == 2000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (61, "1 min"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_spans_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
