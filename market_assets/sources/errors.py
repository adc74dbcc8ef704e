"""What can go wrong when a venue is asked: one small tree of exceptions.

    VenueError
    ├── VenueUnavailable   no answer, or none of the venue's own: network, time-out, 5xx, HTML, cut
    ├── VenueBusy          told to slow down (429), or the project's own request budget is used up
    ├── VenueRejected      the venue refuses this request (4xx): asking again gives the same; where
    │                      trouble looks just like it, `may_be_trouble`
    ├── VenueNonsense      the answer is whole, but it is not what was asked for
    └── NotServed          the venue does not have it: no longer, or not yet; it need not be asked

Callers choose by class: unavailable and busy pass with time, rejected and nonsense do not.
Messages are one line and carry no query strings, headers or bodies beyond a short excerpt.
"""

from __future__ import annotations

from typing import Final

_SERVER_ERRORS: Final = 500


class VenueError(Exception):
    """A venue did not give what was asked for.

    Attributes:
        venue: whose answer it was, `hyperliquid`.
        message: what happened, one line.
    """

    def __init__(self, venue: str, message: str) -> None:
        super().__init__(f"{venue}: {message}")
        self.venue = venue
        self.message = message


class NoClientError(Exception):
    """No client can be made for an address: what it was given, or an installation, is at fault."""


class VenueUnavailable(VenueError):  # noqa: N818 - named for the state of the venue
    """No answer of the venue's own: network, time-out, 5xx, a gateway's HTML, a cut body.

    Attributes:
        status: the HTTP status of what came instead; None where nothing came, or not all of it.
    """

    def __init__(self, venue: str, message: str, status: int | None = None) -> None:
        super().__init__(venue, message)
        self.status = status


class VenueBusy(VenueError):  # noqa: N818 - named for the state of the venue
    """Too many requests: the venue says so (429), or the project's own budget does."""


class VenueRejected(VenueError):  # noqa: N818 - named for what the venue did
    """The venue refuses the request (4xx, or its own way to say "no such thing").

    Attributes:
        status: the HTTP status; None where the refusal is not in the status.
    """

    def __init__(self, venue: str, message: str, status: int | None = None) -> None:
        super().__init__(venue, message)
        self.status = status

    @property
    def may_be_trouble(self) -> bool:
        """Whether trouble looks the same (5xx).

        For a symbol that the venue lists it is trouble, then: it passes with time.
        """
        return self.status is not None and self.status >= _SERVER_ERRORS


class NotServed(VenueError):  # noqa: N818 - named for the state of the venue
    """The venue does not have what is wanted, no longer or not yet; the message says so."""


class VenueNonsense(VenueError):  # noqa: N818 - named for what came
    """A whole answer that decodes to something else than what was asked for."""
