"""Whole files, copied by another process and put in place for good."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from market_assets.storage.common.durable import remove_stale, settle, temporary_beside
from market_assets.storage.common.errors import StoreError, StoreUnwritable
from market_assets.storage.files import copying
from market_assets.storage.files.copying import copy

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_is_the_same_bytes(tmp_path: Path) -> None:
    """Whether the filesystem shares blocks (0 bytes) or not."""
    source = tmp_path / "--odd name"
    source.write_bytes(b"x" * 100_000)
    for try_clone in (True, False):
        target = tmp_path / f"copy-{try_clone}"
        assert copy(source, target, try_clone=try_clone) in (0, 100_000)
        assert target.read_bytes() == source.read_bytes()


def test_where_cp_cannot_clone_it_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that this `cp` does not know is not the end."""
    monkeypatch.setattr(copying, "_CLONE", ("cp", "--no-such-option"))
    (tmp_path / "a").write_bytes(b"abc")
    assert copy(tmp_path / "a", tmp_path / "b") == 3
    assert (tmp_path / "b").read_bytes() == b"abc"


def test_a_clone_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first command works, no bytes are counted."""
    monkeypatch.setattr(copying, "_CLONE", ("cp",))
    (tmp_path / "a").write_bytes(b"abc")
    assert copy(tmp_path / "a", tmp_path / "b") == 0


def test_each_failure_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing source, a missing folder, a missing `cp`; and what was half-made is gone."""
    with pytest.raises(StoreError, match=r"no copy of none could be made: cp: .*No such file"):
        copy(tmp_path / "none", tmp_path / "b")
    (tmp_path / "a").write_bytes(b"abc")
    half = ("sh", "-c", 'echo half > "$2"; echo "cp: Permission denied" >&2; exit 1')
    monkeypatch.setattr(copying, "_COPY", half)
    with pytest.raises(StoreUnwritable, match="Permission denied"):
        copy(tmp_path / "a", tmp_path / "b", try_clone=False)
    assert not (tmp_path / "b").exists()
    monkeypatch.setattr(copying, "_COPY", ("no-such-command",))
    with pytest.raises(StoreError, match="no-such-command: No such file"):
        copy(tmp_path / "a", tmp_path / "b", try_clone=False)


def test_a_copy_that_is_interrupted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is received is published also where Ctrl-C reaches `cp`; twice in a row is an error."""
    (tmp_path / "a").write_bytes(b"abc")
    once = 'test -e "$2.tried" && exec cp "$1" "$2"; touch "$2.tried"; kill -INT $$; sleep 9'
    monkeypatch.setattr(copying, "_COPY", ("sh", "-c", once))
    assert copy(tmp_path / "a", tmp_path / "b", try_clone=False) == 3
    monkeypatch.setattr(copying, "_COPY", ("sh", "-c", "kill -INT $$; sleep 9"))
    with pytest.raises(StoreError, match="ended by signal 2"):
        copy(tmp_path / "a", tmp_path / "c", try_clone=False)


def test_a_copy_is_in_a_session_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a terminal's Ctrl-C, which is for all of a group, does not end it."""
    (tmp_path / "a").write_bytes(b"abc")
    tell = 'ps -o pgid= -p $$ > "$2"'
    monkeypatch.setattr(copying, "_COPY", ("sh", "-c", tell))
    copy(tmp_path / "a", tmp_path / "b", try_clone=False)
    assert int((tmp_path / "b").read_text()) != os.getpgid(0)


def test_settling_takes_the_place_of_the_old_file(tmp_path: Path) -> None:
    """Whoever has the old one open keeps it."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    fresh = temporary_beside(target, "test")
    fresh.write_bytes(b"new")
    with target.open("rb") as reader:
        settle(fresh, target)
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"
    assert not fresh.exists()


def test_a_place_that_cannot_be_taken(tmp_path: Path) -> None:
    """A folder stands there: an error, and the temporary file is gone."""
    target = tmp_path / "folder"
    (target / "child").mkdir(parents=True)
    fresh = temporary_beside(target, "test")
    fresh.write_bytes(b"new")
    with pytest.raises(StoreError, match=re.escape(str(tmp_path))):
        settle(fresh, target)
    assert not fresh.exists()


def test_only_ones_own_leftovers_are_removed(tmp_path: Path) -> None:
    """Those of this file and purpose, with whatever DuckDB put beside them."""
    target = tmp_path / "file"
    mine = temporary_beside(target, "one")
    assert mine != temporary_beside(target, "one")
    others = temporary_beside(target, "two"), temporary_beside(tmp_path / "file2", "one"), target
    for path in (mine, mine.with_name(mine.name + ".wal"), *others):
        path.touch()
    remove_stale(target, "one")
    assert sorted(tmp_path.iterdir()) == sorted(others)
