"""How texts, and the words that are looked for in them, are cut into tokens.

All of it is about bytes of UTF-8. ASCII letters and digits, and every byte of a character beyond
ASCII, belong to a *run*; any other byte but a blank is a *mark*. The tokens of a text are its runs,
as long as they reach, and its marks, one by one:

    will btc hit $100k?   btc-100k-in-may   →   will btc hit 100k in may   $ ? -

A word without marks is somewhere in a text if, and only if, it is somewhere in a token of it. A
word with marks narrows the texts down by its parts: `hit-$100k` needs a token that ends with `hit`,
one that begins with `100k`, and both marks; whether they stand together, only the text can tell.

Not here: which texts have a token (`segment.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

END: Final = b"\n"
"""Stands between two tokens, and between two texts; it is in none."""
_RUN: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
_IN_RUNS: Final = bytes(byte for byte in range(256) if _RUN.fullmatch(bytes([byte])))
_BLANKS: Final = b" \t\r\x0b\x0c"
_ONLY_RUNS: Final = bytes(byte if byte in _IN_RUNS + END else ord(" ") for byte in range(256))
_NO_MARKS: Final = _IN_RUNS + _BLANKS
_SINGLE: Final = tuple(bytes([byte]) for byte in range(256))


@dataclass(frozen=True)
class Word:
    """What a text must have for a word to be in it.

    Attributes:
        patterns: parts of tokens, each of which some token of the text must have. Tokens are taken
            with `END` before and behind them, so that a pattern may say where a token begins.
        is_exact: a text that has all of them has the word.
    """

    patterns: tuple[bytes, ...]
    is_exact: bool


def word(typed: str) -> Word:
    """What to look for.

    Args:
        typed: at least one character, no blanks; in the case that the texts have.
    """
    text = typed.encode()
    runs = [
        (END if run.start() else b"") + run.group() + (END if run.end() < len(text) else b"")
        for run in _RUN.finditer(text)
    ]
    marks = {END + _SINGLE[byte] + END for byte in text if byte not in _IN_RUNS}
    is_exact = len(text) == 1 or (len(runs) == 1 and not marks)
    return Word((*sorted(set(runs), key=len, reverse=True), *sorted(marks)), is_exact)


def tokens(texts: Sequence[str]) -> Iterator[set[bytes]]:
    """The tokens of each text."""
    if not texts:
        return
    joined = "\n".join(text.replace("\n", " ") for text in texts).encode()
    runs = joined.translate(_ONLY_RUNS).split(END)
    marks = joined.translate(None, _NO_MARKS).split(END)
    for in_runs, in_marks in zip(runs, marks, strict=True):
        found = set(in_runs.split())
        found.update(map(_SINGLE.__getitem__, in_marks))
        yield found
