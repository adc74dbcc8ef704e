"""`/`: the page of whoever is on call. What is late and why stands first; the rest follows.

Made here from the same health report and the same account of the database that the JSON routes
answer with; nothing is judged. The browser loads nothing else: style and script stand in the page,
and the policy sent with it (Content-Security-Policy) lets no others run. What comes from venues
(errors above all) goes through the template engine, which escapes everything.

The words and looks are in `templates/`. Not here: who may see it (`auth.py`).
"""

from __future__ import annotations

import secrets
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from market_assets.api.errors import ApiError
from market_assets.clock import as_words
from market_assets.operations.health.statuses import WORST_FIRST
from market_assets.project_files import RUNBOOK, told
from market_assets.switches import footnote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from market_assets.operations.health.statuses import Health, Row

EVERY_S: Final = 10
"""How often the page takes itself again."""


def page(
    health: Health | ApiError,
    held: Mapping[str, Any] | ApiError,
    *,
    stream: Sequence[str] | ApiError,
    at: datetime,
    version: str,
) -> Response:
    """The page; 503 where there is no verdict, because nobody must take it for a good one.

    Args:
        health: how everything is, or why that could not be found out.
        held: `dashboard()`, or why the published file could not be read.
        stream: what the stream says of itself, in lines, or why that could not be read.
        at: when this is.
        version: of the project.
    """
    troubles = [one.message for one in (health, held, stream) if isinstance(one, ApiError)]
    rows: Sequence[Row] = () if isinstance(health, ApiError) else health.rows
    return html_response(
        "page.html",
        status=503 if isinstance(health, ApiError) else 200,
        headline=headline(rows),
        worst=min((row.status for row in rows), key=WORST_FIRST.index, default="failed"),
        troubles=troubles,
        rows=worst_first(rows),
        off=None if isinstance(health, ApiError) else footnote(health.off),
        stream=() if isinstance(stream, ApiError) else stream,
        held=None if isinstance(held, ApiError) else held,
        at=at,
        version=version,
        every_s=EVERY_S,
        runbook=told(RUNBOOK),
    )


def error_page(error: ApiError) -> Response:
    """The error as a page; once more and by itself only where that may help."""
    return html_response(
        "error.html",
        status=error.status,
        headers=error.headers,
        headline=str(error.status),
        message=error.message,
        every_s=EVERY_S if error.status >= 500 else None,  # noqa: PLR2004 - the server's own faults
    )


def headline(rows: Sequence[Row]) -> str:
    """How everything is, in a few words: `1 failed, 2 stale of 31`, or `all 31 are well`."""
    if not rows:
        return "no verdict"
    counts = Counter(row.status for row in rows if not row.is_good)
    if not counts:
        return f"all {len(rows)} are well"
    said = ", ".join(f"{counts[status]} {status}" for status in WORST_FIRST if counts[status])
    return f"{said} of {len(rows)}"


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Sorted by status; among equals, what another row explains comes after what none does."""
    return sorted(rows, key=lambda row: (WORST_FIRST.index(row.status), row.cause is not None))


def html_response(
    template: str, *, status: int, headers: Mapping[str, str] | None = None, **context: object
) -> Response:
    """A page from a template, with the policy that lets the browser load and run nothing else."""
    nonce = secrets.token_urlsafe(16)
    body = _templates().get_template(template).render(nonce=nonce, **context)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Response(
        body,
        status_code=status,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
        media_type="text/html",
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("market_assets.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "count": _count,
        "instant": _instant,
        "milliseconds": _milliseconds,
        "newest_age": _newest_age,
        "seconds": _seconds,
        "percent": percent,
        "share": _share,
        "size": _size,
    }
    return templates


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _instant(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _milliseconds(length: float | None) -> str:
    if length is None:
        return ""
    return f"{length:.0f} ms" if length < 1000 else as_words(length / 1000)  # noqa: PLR2004 - a second


def _seconds(length: float | None) -> str:
    """What is a little ahead, by the venue's clock, is new."""
    return "never" if length is None else as_words(max(length, 0.0))


def percent(share: float) -> str:
    """A share in per cent. What is not whole never reads as 100, and what is there not as 0."""
    if share in (0, 100):
        return f"{share:.0f} %"
    return f"{min(max(share, 0.01), 99.99):.4g} %"


def _share(row: Row) -> float:
    """How much of its window a row's age takes, in per cent; above 100 it is late."""
    if row.age_s is None:
        return 0.0 if row.is_good else 100.0
    return 100 * row.age_s / row.stale_after_s


def _newest_age(source: Mapping[str, Any]) -> float | None:
    ages = [table["age_s"] for table in source["tables"] if table["age_s"] is not None]
    return min(ages, default=None)


def _size(count: int) -> str:
    """Bytes, in the unit that leaves one to three digits before the point."""
    value, units = float(count), ["bytes", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:  # noqa: PLR2004 - the units' own factor
        value, units = value / 1000, units[1:]
    return f"{value:.3g} {units[0]}"
