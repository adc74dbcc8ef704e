"""Small JSON files that a session keeps about itself, and how others read them.

`stream.json` is the session's own account, written every few seconds for `status`; it says nothing
about liveness, which only the lock does (`lease.py`). A file is replaced by rename, so a reader
sees the old one or the new one, never half of either.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)

STATE_FILE: Final = "stream.json"
STANDBY_STATE_FILE: Final = "stream.next.state.json"


@dataclass(frozen=True)
class SessionState:
    """What a session says of itself.

    Attributes:
        phase: starting, streaming, standby, handing_over, stopping or ended.
        pid: its process.
        run_id: the Dagster run, or what it was started as.
        since: when the session began.
        written_at: when this was written; an old one is of a session that hangs or is gone.
        sockets: open connections to the venue.
        sockets_wanted: how many there are to be.
        subscriptions: acknowledged, wanted, refused (with reason) and left_out (how many, and the
            first names by volume rank) subscriptions.
        frames: frames received; frames_per_s over the last interval.
        frames_by_channel: the same by channel. What REST brought is under `healing`.
        lag_s: age of the newest row on disk by channel.
        last_event_at: the newest event time on disk, by table.
        ages_s: seconds since the last frame, by channel.
        reconnects: connections lost; reconnects_by_cause tells why.
        trouble: why a socket is not open, or was last lost; '' if that never happened.
        spool: segments, bytes and oldest age of what is not in the database yet.
        waiting_rows: rows in memory that are not on disk yet.
        lock: waits and holds of the live database.
        undecodable: frames that could not be decoded, and samples of them.
        rejected: symbols of which a value made no sense, with the last reason.
        healing: progress of the healing.
        clock: jumps, the wall clock's offset, and whether the time is in doubt.
        last_error: what is wrong now; None if nothing is.
    """

    phase: str
    pid: int
    run_id: str
    code_version: str
    since: datetime
    written_at: datetime
    sockets: int = 0
    sockets_wanted: int = 0
    subscriptions: Mapping[str, object] = field(default_factory=dict)
    frames: int = 0
    frames_by_channel: Mapping[str, int] = field(default_factory=dict)
    frames_per_s: float = 0.0
    lag_s: Mapping[str, float] = field(default_factory=dict)
    last_event_at: Mapping[str, datetime] = field(default_factory=dict)
    ages_s: Mapping[str, float] = field(default_factory=dict)
    reconnects: int = 0
    reconnects_by_cause: Mapping[str, int] = field(default_factory=dict)
    trouble: str = ""
    spool: Mapping[str, float] = field(default_factory=dict)
    waiting_rows: int = 0
    lock: Mapping[str, float] = field(default_factory=dict)
    undecodable: int = 0
    undecodable_samples: tuple[str, ...] = ()
    rejected: Mapping[str, str] = field(default_factory=dict)
    healing: Mapping[str, object] = field(default_factory=dict)
    clock: Mapping[str, object] = field(default_factory=dict)
    last_error: str | None = None

    def write(self, path: Path) -> None:
        """Replace the file; a disk that is full is logged, for the stream is worth more."""
        write_json(path, dataclasses.asdict(self))


def write_json(path: Path, said: Mapping[str, object], *, again: bool = False) -> bool:
    """Replace a JSON file by rename; instants become RFC 3339.

    Args:
        path: the file.
        said: what it is to say.
        again: the last try failed, and was logged.

    Returns:
        Whether the file says it; why not is logged.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(said, default=_plain), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        level = logging.DEBUG if again else logging.WARNING
        _LOG.log(level, "%s could not be written: %s", path, error)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        return False
    return True


def read_json(path: Path) -> dict[str, object] | None:
    """What the file says; None if there is none, or it holds something else than an object."""
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
