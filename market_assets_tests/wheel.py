"""The project as others install it: a wheel, built without a network, unpacked into a folder.

What it depends on is that of the environment of the tests; only the package itself is another.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_OURS = ("MARKET_", "DAGSTER_", "HYPERLIQUID_", "POLYMARKET_", "DEFILLAMA_", "UPSTREAM")


def build(folder: Path) -> Path:
    """The wheel of this checkout, made in the folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    _run(command)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """The folder with the wheel's packages in it, to stand first in `PYTHONPATH`."""
    options = ("--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check")
    _run([sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(wheel)])
    return folder


def environment(package: Path, **extra: str) -> dict[str, str]:
    """Of somebody who has installed it there and set no variable of the project's."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**shell, "PYTHONPATH": str(package), "NO_PROXY": "127.0.0.1", **extra}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
