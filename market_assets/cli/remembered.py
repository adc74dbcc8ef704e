"""Which process groups a `run` has started, kept in a file for the next one.

Whatever ends a `run`, what it started is known afterwards: a group is forgotten only when it was
seen empty.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from market_assets.cli.errors import RunError
from market_assets.cli.processes import Group
from market_assets.cli.stopping import stop_all
from market_assets.settings.endpoints import forget_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from threading import Event

    from market_assets.settings import Settings


@contextmanager
def only_one(settings: Settings, hurry: Event | None = None) -> Iterator[None]:
    """One `run` per database; what a killed one left behind is stopped first.

    Args:
        settings: whose database it is.
        hurry: once it is set, nothing is waited for.

    Raises:
        RunError: another one is up, or what it left behind cannot be stopped.
    """
    settings.machine.folder.mkdir(parents=True, exist_ok=True)
    with (settings.machine.run_lock).open("w") as lock:
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
            if members and stop_all([group], hurry):
                left = ", ".join(str(one.pid) for one in group.members())
                raise RunError(f"{group.name} of an earlier run does not end: process {left}")
        remember(file, [])
        yield


@contextmanager
def process_groups(settings: Settings, hurry: Event | None = None) -> Iterator[list[Group]]:
    """What is started here, stopped on the way out in the opposite order.

    Args:
        settings: whose state folder remembers it.
        hurry: once it is set, nothing is waited for.

    Raises:
        RunError: something does not end; the next `run` knows of it.
    """
    groups: list[Group] = []
    try:
        yield groups
    finally:
        left = stop_all(list(reversed(groups)), hurry)
        forget_endpoints(settings.market_db)
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
    return settings.machine.run
