"""Other processes for the tests of the store: started, spoken with over a pipe, always ended.

A script is Python source that is run with the project importable and `args` in `sys.argv[1:]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
connection.execute("select count(*) from duckdb_tables()").fetchall()
print("held", flush=True)
sys.stdin.readline()
"""
"""Opens a database and keeps it until it is told to end, as a notebook does."""

KILLED_WRITER = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("insert into prices values ('K', 1, 1, null)").fetchall()
os.kill(os.getpid(), 9)
"""
"""Commits a row of `prices` and is killed: it is in the log, not yet in the file."""


@contextmanager
def started(script: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end of the block if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, args)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def holding(path: Path, mode: str = "write") -> Iterator[subprocess.Popen[str]]:
    """Another process has the database open until the block ends."""
    with started(HOLD, path, mode) as process:
        assert said(process) == "held"
        yield process


def said(process: subprocess.Popen[str]) -> str:
    """The next line that the process prints; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def tell(process: subprocess.Popen[str], word: str = "go") -> None:
    """A line for the process to read."""
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def run(script: str, *args: object) -> str:
    """What a script printed; it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
