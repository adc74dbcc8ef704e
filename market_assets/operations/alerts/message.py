"""A message as the receivers want it: one JSON object for each of Slack, Discord and anything else.

Any address gets the whole message, as fields for programs and as `text` and `content` for people.
The two services get the text alone: Slack would take our field `channel` for a Slack channel, and
Discord would notify everybody whom an error message happens to mention.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from market_assets.project_files import RUNBOOK, told

if TYPE_CHECKING:
    from datetime import timedelta

    from market_assets.operations.alerts.policy import Message
    from market_assets.operations.alerts.signal import Signal

_MARKS: Final = {"info": "🔵", "warning": "🟡", "error": "🔴", "critical": "🚨"}
_OVER: Final = "🟢"
_DISCORD_MOST: Final = 2000


def body(message: Message, *, url: str, ui_url: str, runbook_url: str = "") -> bytes:
    """What is posted.

    Args:
        message: what is told.
        url: where it goes, which decides on its form.
        ui_url: Dagster's UI, for the link to the run.
        runbook_url: where the runbook is published; '': nowhere, so its file is named.
    """
    text = text_of(message, ui_url=ui_url, runbook_url=runbook_url)
    host = (urlsplit(url).hostname or "").lower()
    if host == "hooks.slack.com":
        # Slack reads these three as markup, also inside of an error message.
        for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(plain, escaped)
        return json.dumps({"text": text}).encode()
    if host in {"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"}:
        content = text if len(text) <= _DISCORD_MOST else text[: _DISCORD_MOST - 1] + "…"
        return json.dumps({"content": content, "allowed_mentions": {"parse": []}}).encode()
    said = fields(message, ui_url=ui_url, runbook_url=runbook_url)
    return json.dumps({"text": text, "content": text, **said}).encode()


def fields(message: Message, *, ui_url: str, runbook_url: str = "") -> dict[str, object]:
    """The message for programs: `runbook` is a file of the project, `runbookUrl` an address."""
    problem = message.problem
    if message.signal is not None:
        return _signal_fields(message, message.signal)
    over = message.kind == "recovery"
    return {
        "event": message.kind,
        "title": title_of(message),
        "severity": message.severity,
        "source": problem.source,
        "channel": problem.channel,
        "status": "ok" if over else problem.status,
        "since": message.since.isoformat(),
        "at": message.at.isoformat(),
        "durationSec": round(message.duration.total_seconds(), 1),
        "lastError": problem.error,
        "runUrl": _run_url(message, ui_url),
        "runbook": _at_heading(told(RUNBOOK), message),
        "runbookUrl": _at_heading(runbook_url, message) if runbook_url else None,
        "also": list(message.also),
    }


def _signal_fields(message: Message, signal: Signal) -> dict[str, object]:
    return {
        "event": message.kind,
        "title": title_of(message),
        "severity": message.severity,
        "source": message.problem.source,
        "channel": message.problem.channel,
        "at": message.at.isoformat(),
        "signalId": signal.signal_id,
        "kind": signal.kind,
        "conditionId": signal.condition_id,
        "tokenId": signal.token_id,
        "symbol": signal.symbol,
        "asOf": signal.as_of.isoformat(),
        "score": signal.score,
        "threshold": signal.threshold,
        "detail": json.loads(signal.detail),
        "question": signal.question,
    }


def text_of(message: Message, *, ui_url: str, runbook_url: str = "") -> str:
    """The message for people, in a few lines."""
    problem = message.problem
    if message.signal is not None:
        signal = message.signal
        at = f"{signal.symbol or 'no asset'}, {signal.as_of:%Y-%m-%d %H:%M:%S} UTC"
        return "\n".join([f"{_MARKS['info']} {title_of(message)}", at, signal.detail])
    over = message.kind == "recovery"
    lines = [f"{_OVER if over else _MARKS[message.severity]} {title_of(message)}"]
    if not over:
        lines.append(f"{message.severity}, since {message.since:%Y-%m-%d %H:%M:%S} UTC")
        if problem.error:
            lines.append(problem.error)
        if message.also:
            lines.append(f"with it: {', '.join(message.also)}")
        if (run_url := _run_url(message, ui_url)) is not None:
            lines.append(f"run: {run_url}")
        lines.append(f"what to do: {_at_heading(runbook_url or told(RUNBOOK), message)}")
    return "\n".join(lines)


def title_of(message: Message) -> str:
    """One line: what is the matter, or that it is over and how long it took."""
    title = message.problem.title
    if message.kind == "recovery":
        return f"over after {in_words(message.duration)}: {title}"
    if message.kind == "reminder":
        return f"still, for {in_words(message.duration)}: {title}"
    return title


def in_words(length: timedelta) -> str:
    """45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((n for n, (count, _) in enumerate(parts) if count), len(parts) - 1)
    told = parts[first : first + (1 if parts[first][1] in ("min", "s") else 2)]
    return " ".join(f"{count} {unit}" for count, unit in told if count) or "0 s"


def _run_url(message: Message, ui_url: str) -> str | None:
    run_id = message.problem.run_id
    return f"{ui_url}/runs/{run_id}" if run_id else None


def _at_heading(runbook: str, message: Message) -> str:
    anchor = message.problem.runbook
    return f"{runbook}#{anchor}" if anchor else runbook
