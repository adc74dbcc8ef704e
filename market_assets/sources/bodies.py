"""Bodies of answers before anybody decodes them: whether one came whole, and what to show of it."""

from __future__ import annotations

from typing import Final

_CLOSERS: Final = {ord("["): ord("]"), ord("{"): ord("}"), ord('"'): ord('"')}


def is_whole(body: bytes) -> bool:
    """Whether a body begins and ends as one JSON value does. Cheap: decoding is the caller's."""
    text = body.strip()
    if not text or text[:1] == b"<":
        return False
    closer = _CLOSERS.get(text[0])
    return closer is None or (len(text) > 1 and text[-1] == closer)


def excerpt(body: bytes, length: int = 120) -> str:
    """The beginning of a body, on one line, for errors and logs."""
    return " ".join(body[:length].decode("utf-8", "replace").split())
