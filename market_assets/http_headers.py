"""What a header of an answer asks for, in the project's terms; shared by all who speak HTTP."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks to wait: a number or a date; None if neither."""
    text = (text or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
