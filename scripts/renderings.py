"""Pages made of what the system said: a terminal with its output, a chat with its alerts."""

from __future__ import annotations

import html
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS_COLOURS: Final = {
    "ok": "#7ee787",
    "running": "#79c0ff",
    "stale": "#e3b341",
    "failed": "#ff7b72",
    "missing": "#d2a8ff",
}
_SEVERITY_COLOURS: Final = {
    "info": "#0969da",
    "warning": "#bf8700",
    "error": "#d1242f",
    "critical": "#a40e26",
}
_OVER_COLOUR: Final = "#1a7f37"
_TERMINAL_STYLE: Final = """
body { margin: 0; background: #0d1117; color: #e6edf3; }
pre { margin: 0; padding: 18px; font: 14px/1.45 monospace; }
"""
_CHAT_STYLE: Final = """
body { margin: 0; padding: 20px 24px 12px; background: #fff; color: #1d1c1d;
       font: 15px/1.45 system-ui, sans-serif; }
article { display: flex; gap: 12px; margin-bottom: 16px; }
.who { flex: none; width: 38px; height: 38px; border-radius: 8px; background: #1f2937;
       color: #fff; font-weight: 700; line-height: 38px; text-align: center; }
.said { flex: 1; }
.from span { color: #616061; font-size: 13px; }
.card { margin-top: 4px; padding: 8px 14px; border: 1px solid #ddd; border-left-width: 4px;
        border-radius: 6px; }
h1 { margin: 0 0 6px; font-size: 17px; }
i { display: inline-block; width: 12px; height: 12px; margin-right: 8px; border-radius: 6px; }
dl { display: grid; grid-template-columns: 90px 1fr 60px 1fr; gap: 2px 16px; margin: 0; }
dt { color: #616061; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { grid-column: 2 / -1; }
"""


def as_terminal(command: str, output: str) -> str:
    """A terminal in which the command was typed; the five statuses in their colours."""
    lines = html.escape(output.strip("\n")).splitlines()
    for nth, line in enumerate(lines):
        channel, _, rest = line.strip().partition(" ")
        word = rest.split()[0] if "/" in channel and rest.split() else ""
        if word in _STATUS_COLOURS:
            painted = f'<b style="color:{_STATUS_COLOURS[word]}">{word}</b>'
            lines[nth] = line.replace(f" {word} ", f" {painted} ", 1)
    text = "\n".join([html.escape(command), *lines])
    return f"<!doctype html><meta charset=utf-8><style>{_TERMINAL_STYLE}</style><pre>{text}</pre>"


def as_chat(messages: Sequence[dict[str, Any]]) -> str:
    """A channel of a chat with these messages in it, in their order.

    Args:
        messages: the JSON that was posted, decoded.
    """
    articles = "".join(_message(one) for one in messages)
    return f"<!doctype html><meta charset=utf-8><style>{_CHAT_STYLE}</style><body>{articles}"


def _message(said: dict[str, Any]) -> str:
    over = said["event"] == "recovery"
    colour = _OVER_COLOUR if over else _SEVERITY_COLOURS[said["severity"]]
    short = [("severity", said["severity"]), ("status", said["status"])]
    short += [("source", said["source"]), ("channel", said["channel"])]
    long = [("since", _instant(said["since"]))]
    if not over:
        long += [("last error", said["lastError"]), ("with it", ", ".join(said["also"]))]
        long += [("run", said["runUrl"]), ("what to do", said["runbook"])]
    facts = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in short)
    facts += "".join(
        f"<dt>{name}</dt><dd class=wide>{html.escape(value)}</dd>" for name, value in long if value
    )
    return (
        "<article><div class=who>M</div><div class=said>"
        f"<div class=from><b>market_assets</b> <span>{_instant(said['at'])}</span></div>"
        f"<div class=card style='border-left-color:{colour}'>"
        f"<h1><i style='background:{colour}'></i>{html.escape(said['title'])}</h1>"
        f"<dl>{facts}</dl></div></div></article>"
    )


def _instant(rfc3339: str) -> str:
    return f"{datetime.fromisoformat(rfc3339):%Y-%m-%d %H:%M:%S} UTC"
