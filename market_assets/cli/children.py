"""Commands of this project's that `run` starts for a while: their memory ends with them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Final

from market_assets.cli.errors import RunError
from market_assets.cli.processes import start
from market_assets.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from market_assets.cli.processes import Group

_POLL_S: Final = 0.25


def run_command(
    *arguments: str, groups: list[Group], env: Mapping[str, str], log: int, stop: Event
) -> str | None:
    """Run a command and wait for it, unless `run` itself is to end.

    Args:
        arguments: after `market-assets`.
        groups: holds the process while it runs, for whoever stops everything.
        env: its environment.
        log: the descriptor that takes what it says on stderr.
        stop: ends the waiting.

    Returns:
        What it printed; None if it was not waited for.

    Raises:
        RunError: it failed; with the last line that it said.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        process, group = start(
            arguments[0],
            [sys.executable, "-m", "market_assets.cli.main", *arguments],
            env=env,
            cwd=ROOT,
            stdout=printed.fileno(),
            stderr=said.fileno(),
        )
        groups.append(group)
        while True:
            if stop.is_set():
                return None
            try:
                code = process.wait(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                continue
        groups.remove(group)
        said.seek(0)
        text = said.read()
        os.write(log, text)
        if code != 0:
            lines = text.decode(errors="replace").strip().splitlines()
            last = lines[-1].removeprefix("market-assets: ") if lines else ""
            raise RunError(last or f"{arguments[0]} ended with exit code {code}")
        printed.seek(0)
        return printed.read().decode(errors="replace")
