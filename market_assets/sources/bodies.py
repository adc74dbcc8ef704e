"""Bodies of answers before anybody decodes them: collected, known to be whole, shown in errors."""

from __future__ import annotations

import mmap
import re
import tempfile
from typing import Final

Body = bytes | mmap.mmap
"""A body in memory, or one in a file without a name: both are buffers that a decoder reads."""

_CLOSERS: Final = {ord("["): ord("]"), ord("{"): ord("}"), ord('"'): ord('"')}
_TAGS: Final = re.compile(r"<(script|style)\b.*?(</\1>|$)|<[^>]*>?", re.DOTALL | re.IGNORECASE)
_ENDS: Final = 4096
"""How far in from each end of a body its first and last character are looked for."""


class Collector:
    """A body while it comes: in memory, or on disk where it may be too large for that.

    One on disk costs memory once, as pages of the mapped file, which the system may take back; one
    in memory is there twice when it is handed over.
    """

    def __init__(self, *, on_disk: bool = False) -> None:
        self._file = tempfile.TemporaryFile() if on_disk else None  # noqa: SIM115 - closed by `close`
        self._chunks = bytearray()
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        if self._file is None:
            self._chunks += chunk
        else:
            self._file.write(chunk)

    def whole(self) -> Body:
        """The body; it outlives the collector."""
        if self._file is None:
            return bytes(self._chunks)
        self._file.flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self.size else b""

    def close(self) -> None:
        """Let go of the file, if there is one."""
        if self._file is not None:
            self._file.close()


def is_whole(body: Body) -> bool:
    """Whether a body begins and ends as one JSON value does. Cheap: decoding is the caller's."""
    start, end = body[:_ENDS].lstrip(), body[-_ENDS:].rstrip()
    if not start or not end or start[:1] == b"<":
        return False
    closer = _CLOSERS.get(start[0])
    return closer is None or (len(body) > 1 and end[-1] == closer)


def excerpt(body: Body, length: int = 120) -> str:
    """The beginning of a body, on one line, for errors and logs; of a web page its words."""
    text = body[:_ENDS].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        text = f"a web page: {_TAGS.sub(' ', text)}"
    return " ".join(text.split())[:length].rstrip()
