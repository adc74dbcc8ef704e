"""How a venue's code says no: an answer that is an error."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - an answer of the venue, not a fault of the simulator
    """The venue answers with an error: its status and the literal body."""

    def __init__(self, status: int, body: str, media_type: str = "application/json") -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.media_type = media_type
