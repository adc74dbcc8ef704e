"""Progress of a command that takes longer than a second."""

from __future__ import annotations

import io
import sys

import pytest

from market_assets.cli.progress import told
from market_assets.clock import ManualClock
from market_assets_tests.storage.examples import T0


def test_without_a_terminal_there_is_a_line_after_a_second_and_then_every_five(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is done at once says nothing."""
    clock = ManualClock(T0)
    with told("reading [all] of it", clock) as on_progress:
        for step in range(1, 13):
            clock.advance(0.75)
            on_progress(step * 1000, 12000)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "reading [all] of it: 2,000 of 12,000",
        "reading [all] of it: 9,000 of 12,000",
    ]


def test_on_a_terminal_there_is_a_bar_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with told("reading") as on_progress:
        on_progress(1, 2)
    drawn = screen.getvalue()
    assert "reading" in drawn
    assert "1/2" in drawn
    assert drawn.endswith("\x1b[2K")  # the line is wiped
