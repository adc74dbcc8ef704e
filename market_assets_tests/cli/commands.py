"""`market-assets` as a process, as a user starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

Inside = Callable[..., tuple[int, str, str]]
"""Runs a command in this process; gives its exit code and what it wrote to stdout and stderr."""


def run(env: dict[str, str], *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "market_assets.cli.main", *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class Streaming:
    """`stream hyperliquid`, whose lines of stderr are read as they come."""

    def __init__(self, env: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "market_assets.cli.main"),
                *("stream", "hyperliquid", "--duration", "100"),
            ],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, said: str) -> None:
        """Wait for a line that has this.

        Raises:
            AssertionError: it ended without one.
        """
        assert self._process.stderr is not None
        while not self.lines or said not in self.lines[-1]:
            self.lines.append(self._process.stderr.readline())
            assert self.lines[-1], f"it ended without {said!r}: {''.join(self.lines)}"

    def ctrl_c(self) -> subprocess.CompletedProcess[str]:
        """Press Ctrl-C; how it ended, with all that it said."""
        self._process.send_signal(signal.SIGINT)
        out, rest = self._process.communicate(timeout=60)
        return subprocess.CompletedProcess(
            self._process.args, self._process.returncode, out, "".join(self.lines) + rest
        )
