"""What the stream last said of itself, in a few lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.operations.health.streams import Stream

_LONG_S: Final = 30.0
"""A spool that is this old is not just waiting for the next drain."""


def summaries(streams: Mapping[str, Stream]) -> list[str]:
    """Lines for `status` and the page; where there are several streams, each under its name."""
    if len(streams) == 1:
        return [line for stream in streams.values() for line in summary(stream)]
    return [line for name, one in streams.items() for line in (f"{name}:", *summary(one))]


def summary(stream: Stream) -> list[str]:
    """Lines for `status` and the page; a session that is not alive is named as the last one."""
    state: Mapping[str, Any] | None = stream.account
    if state is None:
        return ["stream    has not run here"]
    if not stream.is_alive:
        return [f"stream    not running; the last session wrote at {_time(state['written_at'])}"]
    subscriptions = state["subscriptions"]
    facts = (
        f"{state['sockets']} sockets",
        f"{subscriptions.get('acknowledged', 0)} of {subscriptions.get('wanted', 0)} subscriptions",
        f"{state['frames_per_s']:.0f} frames/s",
        f"{state['reconnects']} reconnects",
    )
    lines = [
        f"stream    {state['phase']} since {_time(state['since'])}, process {state['pid']}",
        "          " + ", ".join(facts),
    ]
    left_out = subscriptions.get("left_out", {})
    if left_out.get("count"):
        first = ", ".join(left_out["first"])
        lines.append(f"left out  {left_out['count']} of the least traded for the limit: {first} …")
    if refused := subscriptions.get("refused"):
        lines.append(f"refused   {len(refused)}: {'; '.join(map(str, list(refused.items())[:3]))}")
    lines += _healing(state["healing"])
    spool = state["spool"]
    if spool.get("oldest_age_s", 0) > _LONG_S:
        lines.append(
            f"spool     {spool['segments']} segments, {spool['bytes'] / 1e6:.1f} MB, the oldest "
            f"{spool['oldest_age_s']:.0f} s old: the database is locked or full"
        )
    if state["undecodable"]:
        sample = (state["undecodable_samples"] or [""])[-1]
        lines.append(f"nonsense  {state['undecodable']} frames, the last: {sample[:120]}")
    if state["last_error"]:
        lines.append(f"error     {state['last_error']}")
    return lines


def _healing(progress: Mapping[str, Any]) -> list[str]:
    done, total = progress.get("done", 0), progress.get("total", 0)
    if done >= total:
        return []
    facts = [
        f"{done} of {total} series read from REST",
        f"{progress.get('healed_rows', 0):,} candles",
        f"{progress.get('open_holes', 0):,} holes open",
    ]
    if eta := progress.get("eta_s"):
        facts.append(f"about {eta / 60:.0f} min left")
    return ["healing   " + ", ".join(facts)]


def _time(rfc3339: str) -> str:
    return rfc3339[:19].replace("T", " ") + " UTC"
