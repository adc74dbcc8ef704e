"""What must never be kept or shown: credentials in URLs, tokens, keys, passwords.

Errors, logs, alerts and the record of runs all pass through here. It goes by the shape of the text;
whoever knows a secret's value (`logs.py`) takes that out as well.
"""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "…"

_SHAPES: Final = (
    (re.compile(r"(\w+://)[^\s/]+@"), r"\1"),
    # Without a scheme, as a proxy's address may be written: user:password@host:port.
    (re.compile(r"(?<![\w./@:-])[^\s/@:'\"=,;()<>{}\[\]]+:[^\s/@'\"]+@(?=[\w.-]|\[)"), ""),
    (re.compile(r"(\w+://[^\s?#'\"]+)[?#][^\s'\"]*"), r"\1"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"\b((?:[\w-]*(?:api[_-]?key|token|secret|passw(?:or)?d|signature))|authorization)"
            r"(['\"]?\s*[=:]\s*['\"]?)(?!bearer|basic)[^\s'\",;&]+",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
)


def redacted(text: str) -> str:
    """The text without what must not be kept, otherwise as it was.

    Gone are the user and the query string of every URL, also of an address without a scheme,
    bearer tokens, and the values of whatever is called a key, a token, a secret, a password or a
    signature.
    """
    for shape, kept in _SHAPES:
        text = shape.sub(kept, text)
    return text
