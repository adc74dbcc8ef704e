"""Who streams: never two, whoever is killed, and a free lease is free at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from market_assets.storage.common.errors import StoreUnwritable
from market_assets.streams.core.lease import Lease, LeaseHeldError
from market_assets.streams.core.locks import take

HOLD = """
import sys, time
from pathlib import Path
from market_assets.streams.core.lease import Lease
lease = Lease(Path(sys.argv[1]))
print(lease.acquire(run_id="child", started_at="now", code_version="1"), flush=True)
for line in sys.stdin:
    match line.strip():
        case "handover": lease.begin_handover()
        case "ready": lease.say(ready=True)
        case "promote": print(lease.promote(), flush=True); continue
        case "successor": print(lease.successor_is_ready(), flush=True); continue
        case "release": lease.release()
    print("done", flush=True)
"""


class Child:
    """A process with a lease of its own."""

    def __init__(self, state_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(state_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.role = self._line()

    def say(self, word: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self._line()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait(20)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[[], Child]]:
    """Starts children, and ends them."""
    children: list[Child] = []

    def start() -> Child:
        children.append(Child(tmp_path))
        return children[-1]

    yield start
    for one in children:
        if one.process.poll() is None:
            one.kill()


def acquire(lease: Lease) -> str:
    return lease.acquire(run_id="me", started_at="2026-03-01", code_version="2")


def test_one_leads_and_others_are_told_who(tmp_path: Path) -> None:
    lease, other = Lease(tmp_path / "state"), Lease(tmp_path / "state")
    assert other.peek().state == "free"
    assert other.peek().wants_session
    assert acquire(lease) == "leader"
    with pytest.raises(LeaseHeldError, match=f"process {os.getpid()}, run me"):
        acquire(other)
    view = other.peek()
    assert (view.state, view.is_alive, view.wants_session) == ("alive", True, False)
    assert view.holder is not None
    assert view.holder.code_version == "2"
    lease.release()
    assert other.peek().state == "free"
    assert acquire(other) == "leader"
    other.release()


def test_a_killed_leader_leaves_a_free_lease(tmp_path: Path, child: Callable[[], Child]) -> None:
    """The file of a process that is gone counts for nothing."""
    holder = child()
    assert holder.role == "leader"
    lease = Lease(tmp_path)
    assert lease.peek().state == "alive"
    holder.kill()
    view = lease.peek()
    assert (view.state, view.holder, view.wants_session) == ("free", None, True)
    assert acquire(lease) == "leader"
    assert lease.after_crash
    lease.release()
    assert acquire(lease) == "leader"
    assert not lease.after_crash
    lease.release()


def test_a_handover_from_begin_to_end(tmp_path: Path, child: Callable[[], Child]) -> None:
    old = child()
    watcher = Lease(tmp_path)
    old.say("handover")
    assert watcher.peek().state == "handing_over"
    assert watcher.peek().wants_session
    new = child()
    assert new.role == "standby"
    view = watcher.peek()
    assert not view.wants_session
    assert view.standby is not None
    assert view.standby.pid == new.process.pid
    with pytest.raises(LeaseHeldError, match="about to take over"):
        acquire(Lease(tmp_path))
    assert old.say("successor") == "False"
    new.say("ready")
    assert old.say("successor") == "True"
    assert new.say("promote") == "False"
    old.say("release")
    assert watcher.peek().state == "free"
    assert not watcher.peek().wants_session
    assert new.say("promote") == "True"
    assert watcher.peek().state == "alive"


def test_a_killed_successor_is_not_waited_for(tmp_path: Path, child: Callable[[], Child]) -> None:
    """Ready and then dead: the leader leads on, and the next one that comes starts unready."""
    old = child()
    old.say("handover")
    dead = child()
    dead.say("ready")
    dead.kill()
    assert old.say("successor") == "False"
    assert Lease(tmp_path).peek().wants_session
    new = child()
    assert new.role == "standby"
    assert old.say("successor") == "False"
    new.say("ready")
    assert old.say("successor") == "True"


def test_a_successor_must_hold_the_lock_and_mean_this_leader(
    tmp_path: Path, child: Callable[[], Child]
) -> None:
    """Its file alone proves nothing: it may be left from before, or be for another leader."""
    old = child()
    old.say("handover")
    new = child()
    new.say("ready")
    file = tmp_path / "stream.next.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | {"relieves": "another"}))
    assert old.say("successor") == "False"
    file.write_text(json.dumps(said))
    assert old.say("successor") == "True"
    new.say("release")
    file.write_text(json.dumps(said))
    assert old.say("successor") == "False"


def test_a_leader_killed_in_the_handover_is_followed_at_once(
    tmp_path: Path, child: Callable[[], Child]
) -> None:
    old = child()
    old.say("handover")
    new = child()
    old.kill()
    assert not Lease(tmp_path).peek().wants_session
    assert new.say("promote") == "True"


def test_a_handover_can_be_asked_for(tmp_path: Path) -> None:
    """The request is for the session that leads now, and not for the one after it."""
    lease, watcher = Lease(tmp_path), Lease(tmp_path)
    assert not watcher.request_handover("code changed")
    acquire(lease)
    assert lease.handover_requested() is None
    assert watcher.request_handover("code changed")
    assert lease.handover_requested() == "code changed"
    lease.release()
    acquire(lease)
    assert lease.handover_requested() is None
    lease.release()


def test_somebody_who_peeks_keeps_nobody_from_the_lock(tmp_path: Path) -> None:
    """A hundred looks beside a hundred takes."""
    lease, watcher = Lease(tmp_path), Lease(tmp_path)
    for _ in range(100):
        assert acquire(lease) == "leader"
        assert watcher.peek().is_alive
        lease.release()
        assert not watcher.peek().is_alive


def test_a_removed_lock_file_is_noticed(tmp_path: Path) -> None:
    """Whoever clears the folder takes the lease away: two would lead."""
    lease = Lease(tmp_path)
    acquire(lease)
    assert lease.is_mine
    (tmp_path / "stream.lock").unlink()
    assert not lease.is_mine
    lease.release()


def test_a_holder_file_that_is_nonsense_counts_for_nothing(tmp_path: Path) -> None:
    lease, watcher = Lease(tmp_path), Lease(tmp_path)
    acquire(lease)
    for text in ("{", "[]", '{"pid": 1}', '{"unknown": 1}'):
        (tmp_path / "stream.holder.json").write_text(text)
        view = watcher.peek()
        assert (view.state, view.holder) == ("alive", None)
    with pytest.raises(LeaseHeldError, match="another process"):
        acquire(watcher)
    lease.release()


def test_an_unwritable_folder_costs_the_file_but_not_the_lock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full: the lock still holds."""
    lease = Lease(tmp_path)
    acquire(lease)
    (tmp_path / f".stream.holder.json.{os.getpid()}").mkdir()
    lease.say(subscriptions=7)
    assert "could not be written" in caplog.text
    assert Lease(tmp_path).peek().is_alive
    lease.release()


@contextmanager
def full_disk(lease: Lease, name: str) -> Iterator[None]:
    """That file cannot be replaced meanwhile: its draft's place is taken."""
    draft = lease._main.parent / f".{name}.{os.getpid()}"
    draft.mkdir()
    try:
        yield
    finally:
        draft.rmdir()


def test_a_wish_to_be_relieved_is_told_once_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full when the handover begins: the session is relieved all the same, later."""
    lease = Lease(tmp_path)
    acquire(lease)
    with full_disk(lease, "stream.holder.json"):
        lease.begin_handover()
        for _ in range(5):
            lease.say(subscriptions=0)
        assert not Lease(tmp_path).peek().wants_session
    assert caplog.text.count("could not be written") == 1
    lease.say(subscriptions=0)
    view = Lease(tmp_path).peek()
    assert (view.state, view.wants_session) == ("handing_over", True)
    lease.release()


def test_a_successor_is_believed_once_there_is_room(
    tmp_path: Path, child: Callable[[], Child]
) -> None:
    old = child()
    old.say("handover")
    lease = Lease(tmp_path)
    with full_disk(lease, "stream.next.json"):
        assert acquire(lease) == "standby"
        lease.say(ready=True)
        assert old.say("successor") == "False"
    lease.say(ready=True)
    assert old.say("successor") == "True"
    lease.release()


def test_a_session_that_lost_its_lock_leaves_the_new_leader_s_file(
    tmp_path: Path, child: Callable[[], Child]
) -> None:
    """Somebody cleared the folder, and another session leads: it must stay known as the leader."""
    lease = Lease(tmp_path)
    acquire(lease)
    (tmp_path / "stream.lock").unlink()
    new = child()
    assert new.role == "leader"
    lease.release()
    holder = Lease(tmp_path).peek().holder
    assert holder is not None
    assert holder.pid == new.process.pid
    assert Lease(tmp_path).request_handover("code changed")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable, match="file"):
        acquire(Lease(tmp_path / "file" / "state"))


def test_a_lock_is_waited_for_only_so_long(tmp_path: Path) -> None:
    held = take(tmp_path / "lock", 0.0)
    assert held is not None
    assert take(tmp_path / "lock", 0.05) is None
    os.close(held)
