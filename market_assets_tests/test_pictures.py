"""What the pictures are made of: the receiver of alerts, and pages of what the system said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from market_assets.operations.alerts.delivery import http_post
from market_assets.operations.alerts.message import body
from market_assets.operations.alerts.policy import Message
from market_assets.operations.alerts.problems import Problem
from scripts.incident import CHANNEL, SOURCE, webhook
from scripts.renderings import as_chat, as_terminal

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
UI = "http://127.0.0.1:3000"


def message(kind: Literal["alert", "recovery"], channel: str = CHANNEL) -> Message:
    """What the policy decides to tell, about a venue that answers with HTML."""
    problem = Problem(
        key="x",
        source=SOURCE,
        channel=channel,
        status="failed",
        severity="error",
        title=f"{SOURCE}/{channel} has failed",
        error="502 <html>Bad Gateway</html>",
        run_id="r1",
        runbook="a-channel-has-failed",
    )
    return Message(kind, problem, "error", AT - timedelta(minutes=3), AT)


def test_an_alert_that_was_posted_is_drawn_as_it_came() -> None:
    """Through the real sender and the receiver; every field stands there, and HTML as text."""
    with webhook() as received:
        for one in (message("alert", "tags"), message("alert"), message("recovery")):
            assert http_post(received.url, body(one, url=received.url, ui_url=UI)).arrived
        posted = [received.wait_for(event, patience_s=30) for event in ("alert", "recovery")]
    assert [(one["event"], one["channel"]) for one in posted] == [
        ("alert", "trades"),
        ("recovery", "trades"),
    ]
    page = as_chat(posted)
    for said in (
        "polymarket/trades has failed",
        "over after 3 min: ",
        "502 &lt;html&gt;Bad Gateway&lt;/html&gt;",
        "2026-11-20 11:57:00 UTC",
        f"{UI}/runs/r1",
        "docs/runbook.md#a-channel-has-failed",
    ):
        assert said in page
    assert page.count("has failed</h1>") == 2
    assert "<html>" not in page


def test_an_alert_that_never_comes_ends_the_script_with_one_line() -> None:
    """It names what was waited for."""
    with webhook() as received, pytest.raises(SystemExit, match="no alert about polymarket/trades"):
        received.wait_for("alert", patience_s=0.01)


def test_a_terminal_paints_the_statuses_and_nothing_else() -> None:
    """The word in the column of statuses, not where an error says it."""
    page = as_terminal("$ status", " a/b  failed  3 s  it has failed <b>\n\nstream  ok\n")
    assert page.count("<b style") == 1
    assert ">failed</b>  3 s  it has failed &lt;b&gt;" in page
