"""Processes are known by number, start and boot, whatever the wall clock says."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.process_identity import ProcessIdentity, process_facts, process_started

NOBODY = 2**22 + 1
"""More than Linux ever numbers."""


def test_a_process_is_known_by_its_start() -> None:
    assert process_started(os.getpid()) == process_started(os.getpid())
    assert process_started(NOBODY) is None
    assert ProcessIdentity.of(NOBODY) is None


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    me = ProcessIdentity.of()
    assert me is not None
    assert me.pid == os.getpid()
    assert me.is_alive
    assert not replace(me, started=me.started - 1).is_alive
    assert not replace(me, boot="another").is_alive


def test_a_clock_that_is_set_changes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    me = ProcessIdentity.of()
    assert me is not None
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) - 3600)
    assert me.is_alive
    assert ProcessIdentity.of() == me


def test_one_that_has_ended_is_not_alive_though_nobody_has_asked_for_its_exit_code() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity is not None
    assert identity.is_alive
    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    facts = process_facts(child.pid)
    assert facts is not None
    assert facts.is_zombie
    assert not identity.is_alive
    child.wait()
    assert process_started(child.pid) is None or not identity.is_alive


@given(st.integers(1, 2**22), st.integers(0, 2**53), st.text("0123456789abcdef-", max_size=36))
def test_a_line_names_it(pid: int, ticks: int, boot: str) -> None:
    identity = ProcessIdentity(pid, float(ticks), boot)
    assert ProcessIdentity.parse(str(identity)) == identity


@pytest.mark.parametrize("text", ["", "1", "1/", "x/2/b", "1/x/b"])
def test_another_line_names_nobody(text: str) -> None:
    assert ProcessIdentity.parse(text) is None
