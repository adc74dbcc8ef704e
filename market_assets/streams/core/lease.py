"""Who streams: two locks that die with their process, and files that say who holds them.

The main lock is the truth: whoever holds `stream.lock` leads, and nobody else does. The standby
lock is taken first by everybody who wants to lead, so that one waits at most. A leader that wants
to be relieved says so in its file; the one that waits then streams beside it, says when it is
ready, and takes the main lock when the old one lets go. Whichever is killed at whatever moment, its
locks are free at once: the other leads, or goes on leading, or the supervisor starts a new one.

The files beside the locks are for people and for the handover; a file whose process is gone counts
for nothing. Not here: when a session ends (`session.py`), and starting one (`defs/`).
"""

from __future__ import annotations

import contextlib
import os
import uuid
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from market_assets.process_identity import process_started
from market_assets.storage.common.errors import from_os
from market_assets.streams.core.locks import is_current, is_held, let_go, take
from market_assets.streams.core.state import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

LOCK_PATIENCE_S: Final = 1.0
"""Somebody who peeks holds a lock for microseconds: a taker tries again for so long."""
_PEEK_PATIENCE_S: Final = 0.1

Phase = Literal["streaming", "handing_over", "standby"]


class LeaseHeldError(Exception):
    """Another session leads and does not want to be relieved, or somebody already waits."""


@dataclass(frozen=True)
class Holder:
    """A session that holds one of the locks, as its file says.

    Attributes:
        session: a random id, new for each session.
        pid: its process.
        process_started: when that process started, by a clock that nobody sets; tells a reused
            pid apart.
        run_id: the Dagster run, or what it was started as.
        started_at: when the session began, RFC 3339.
        code_version: of the code that it runs.
        phase: streaming, handing_over or standby.
        ready: a standby streams and has rows on disk.
        subscriptions: how many of the venue's subscriptions it uses.
        relieves: the session that a standby waits for.
    """

    session: str
    pid: int
    process_started: float
    run_id: str
    started_at: str
    code_version: str
    phase: Phase
    ready: bool = False
    subscriptions: int = 0
    relieves: str = ""

    @property
    def is_running(self) -> bool:
        """Whether that process is there still, and is not another one with the same number."""
        return process_started(self.pid) == self.process_started


@dataclass(frozen=True)
class LeaseView:
    """What somebody from outside sees.

    Attributes:
        state: free (a session should be started), alive, or handing_over (the leader wants to be
            relieved).
        holder: the leader; None while the state is free, or if it could not write its file.
        standby: the session that waits, if any.
        wants_session: a session should be started now: nobody leads or waits, or the leader wants
            to be relieved and nobody waits.
    """

    state: Literal["free", "alive", "handing_over"]
    holder: Holder | None
    standby: Holder | None
    wants_session: bool

    @property
    def is_alive(self) -> bool:
        """Whether anybody streams."""
        return self.state != "free"


class Lease:
    """The right to stream into one database. One object belongs to one session, or to a watcher.

    Attributes:
        after_crash: whoever led before did not let go by itself; known once this session leads.
    """

    def __init__(self, folder: Path) -> None:
        self._main = folder / "stream.lock"
        self._standby = folder / "stream.next.lock"
        self._holder_file = folder / "stream.holder.json"
        self._standby_file = folder / "stream.next.json"
        self._request_file = folder / "stream.handover.json"
        self._main_fd: int | None = None
        self._standby_fd: int | None = None
        self._me: Holder | None = None
        self._is_told = True
        self.after_crash = False

    def acquire(
        self, *, run_id: str, started_at: str, code_version: str
    ) -> Literal["leader", "standby"]:
        """Take the main lock, or the standby lock of a leader that wants to be relieved.

        Raises:
            LeaseHeldError: neither is to be had; names who leads.
            StoreUnwritable: the folder cannot be made or written.
        """
        try:
            self._main.parent.mkdir(parents=True, exist_ok=True)
            self._standby_fd = take(self._standby, LOCK_PATIENCE_S)
        except OSError as error:
            raise from_os(self._main.parent, error) from error
        if self._standby_fd is None:
            raise LeaseHeldError(f"another session is about to take over {self._main}")
        leader = self._read(self._holder_file)
        self._me = Holder(
            session=uuid.uuid4().hex,
            pid=os.getpid(),
            process_started=process_started(os.getpid()) or 0.0,
            run_id=run_id,
            started_at=started_at,
            code_version=code_version,
            phase="standby",
            relieves=leader.session if leader else "",
        )
        self._write(self._standby_file)
        if self.promote(patience=_PEEK_PATIENCE_S):
            return "leader"
        leader = self._read(self._holder_file)
        if leader is None or leader.phase != "handing_over":
            self.release()
            who = f"process {leader.pid}, run {leader.run_id}" if leader else "another process"
            raise LeaseHeldError(f"{who} streams already and holds {self._main}")
        self._me = replace(self._me, relieves=leader.session)
        self._write(self._standby_file)
        return "standby"

    def promote(self, *, patience: float = 0.0) -> bool:
        """Try to take the main lock; the standby lock is let go when that worked."""
        assert self._me is not None, "acquire first"
        if self._main_fd is None:
            self._main_fd = take(self._main, patience)
        if self._main_fd is None:
            return False
        self.after_crash = self._holder_file.exists()
        self._me = replace(self._me, phase="streaming", relieves="")
        self._write(self._holder_file)
        self._remove(self._standby_file)
        let_go(self._standby_fd)
        self._standby_fd = None
        return True

    @property
    def is_mine(self) -> bool:
        """Whether this session's lock still excludes others: its file has not been removed."""
        fd, path = (
            (self._main_fd, self._main)
            if self._main_fd is not None
            else (self._standby_fd, self._standby)
        )
        return fd is not None and is_current(path, fd)

    @property
    def leader(self) -> Holder | None:
        """The leader, if its file can be read and its process is there."""
        return self._read(self._holder_file)

    def say(self, *, subscriptions: int | None = None, ready: bool | None = None) -> None:
        """Bring this session's file up to date, where something changed or the disk was full."""
        assert self._me is not None, "acquire first"
        me = self._me
        if subscriptions is not None:
            me = replace(me, subscriptions=subscriptions)
        if ready is not None:
            me = replace(me, ready=ready)
        if me != self._me or not self._is_told:
            self._me = me
            self._write(self._standby_file if self._main_fd is None else self._holder_file)

    def begin_handover(self) -> None:
        """Say that this session wants to be relieved. It leads until somebody is ready."""
        assert self._me is not None, "acquire first"
        self._me = replace(self._me, phase="handing_over")
        self._write(self._holder_file)

    def successor_is_ready(self) -> bool:
        """Whether the one that waits streams, for this leader, and has rows on disk."""
        assert self._me is not None, "acquire first"
        successor = self._read(self._standby_file)
        return (
            successor is not None
            and successor.ready
            and successor.relieves == self._me.session
            and is_held(self._standby)
        )

    def request_handover(self, reason: str) -> bool:
        """Ask the leader to be relieved (the code has changed); False where nobody leads."""
        view = self.peek()
        if view.state != "alive" or view.holder is None:
            return False
        return write_json(self._request_file, {"session": view.holder.session, "reason": reason})

    def handover_requested(self) -> str | None:
        """Why somebody asked this session to be relieved; None if nobody did."""
        said = read_json(self._request_file)
        if said is None or self._me is None or said.get("session") != self._me.session:
            return None
        return str(said.get("reason", ""))

    def peek(self) -> LeaseView:
        """Who leads and who waits. Takes nothing; for the supervisor and for `status`."""
        led, waited = is_held(self._main), is_held(self._standby)
        standby = self._read(self._standby_file) if waited else None
        if not led:
            return LeaseView("free", None, standby, wants_session=not waited)
        holder = self._read(self._holder_file)
        if holder is not None and holder.phase == "handing_over":
            return LeaseView("handing_over", holder, standby, wants_session=not waited)
        return LeaseView("alive", holder, standby, wants_session=False)

    def release(self) -> None:
        """Let both locks go. Where another session leads already, its file is left to it."""
        for fd, file in (
            (self._main_fd, self._holder_file),
            (self._standby_fd, self._standby_file),
        ):
            if fd is not None:
                self._remove(file)
        let_go(self._main_fd)
        let_go(self._standby_fd)
        self._main_fd = self._standby_fd = None

    def _write(self, path: Path) -> None:
        """Say how this session is; `say` tries again what a full disk did not take."""
        assert self._me is not None
        self._is_told = write_json(path, asdict(self._me), again=not self._is_told)

    def _remove(self, path: Path) -> None:
        """Remove this session's file, if it is this session's still."""
        said = read_json(path)
        is_another_s = said is not None and self._me and said.get("session") != self._me.session
        if not is_another_s:
            with contextlib.suppress(OSError):  # whoever reads it sees that its process is gone
                path.unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path) -> Holder | None:
        said = read_json(path)
        try:
            holder = Holder(**said) if said else None  # type: ignore[arg-type]  # checked by use
        except TypeError:
            return None
        return holder if holder is not None and holder.is_running else None
