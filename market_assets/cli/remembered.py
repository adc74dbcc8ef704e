"""Which process groups a `run` has started, kept in a file for the next one.

Whatever ends a `run`, what it started is known afterwards: a group is forgotten only when it was
seen empty.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from market_assets.cli.errors import RunError
from market_assets.cli.processes import Group
from market_assets.settings import endpoints_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from market_assets.settings import Settings

STOP: Final = ((signal.SIGINT, 45.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
"""The stream needs a moment to drain and publish; the rest follows Ctrl-C at once."""


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """One `run` per database; what a killed one left behind is stopped first.

    Raises:
        RunError: another one is up, or what it left behind cannot be stopped.
    """
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with (settings.state_dir / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"already running on {settings.market_db}; stop that one first"
            ) from None
        file = _file(settings)
        for group in recall(file):
            members = group.members()
            if members:
                click.echo(f"stopping what a killed run left behind: {group.name}", err=True)
            if members and not group.stop(STOP):
                left = ", ".join(str(one.pid) for one in group.members())
                raise RunError(f"{group.name} of an earlier run does not end: process {left}")
        remember(file, [])
        yield


@contextmanager
def process_groups(settings: Settings) -> Iterator[list[Group]]:
    """What is started here, stopped on the way out in the opposite order.

    Raises:
        RunError: something does not end; the next `run` knows of it.
    """
    groups: list[Group] = []
    try:
        yield groups
    finally:
        left = [group for group in reversed(groups) if not group.stop(STOP)]
        endpoints_file(settings.market_db).unlink(missing_ok=True)
        remember(_file(settings), left)
        if left:
            pids = ", ".join(str(one.pid) for group in left for one in group.members())
            raise RunError(f"still there after SIGKILL: process {pids}")


def remember_started(settings: Settings, groups: Sequence[Group]) -> None:
    """Note what is to be stopped, should this `run` be killed."""
    remember(_file(settings), groups)


def remember(file: Path, groups: Sequence[Group]) -> None:
    """Write the groups down, all or nothing."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps([asdict(group) for group in groups]))
    draft.replace(file)


def recall(file: Path) -> list[Group]:
    """The groups that were written down; none where the file cannot be read."""
    try:
        return [Group(**group) for group in json.loads(file.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _file(settings: Settings) -> Path:
    return settings.state_dir / "run.json"
