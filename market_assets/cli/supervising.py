"""The system while it runs: Dagster and, where asked for, the simulated venues, kept alive.

One process that starts the others in process groups of their own, starts Dagster again when it
dies, and on the way out stops every group and waits until its last member is gone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

import click
import psutil

from market_assets.cli.errors import RunError
from market_assets.cli.processes import Group, start
from market_assets.cli.remembered import remember_started
from market_assets.cli.venues import VENUES_ARE_UP
from market_assets.settings import ROOT, Settings, endpoints_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_UP_WITHIN_S: Final = 120.0
_FIRST_LOOK_S: Final = 60.0
_LOOK_EVERY_S: Final = 10.0
_RESTARTS: Final = 5
_RESTART_WINDOW_S: Final = 600.0


def supervise(
    settings: Settings, groups: list[Group], stop: threading.Event, *, simulated: bool
) -> None:
    """Start everything, say where it is, and keep it up until told to stop.

    Args:
        settings: where the database, Dagster's home and the ports are.
        groups: takes what is started, for whoever stops it.
        stop: set by Ctrl-C and SIGTERM.
        simulated: against simulated venues.

    Raises:
        RunError: it cannot start, or keeps ending.
    """
    env = {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        "MARKET_DB": str(settings.market_db),
        "PYTHONUNBUFFERED": "1",
    }
    venues = None
    if simulated:
        venues, addresses = _start_venues(settings, groups, env)
        env |= addresses
    _refuse_a_taken_port(settings.ui_port)
    click.echo("starting Dagster …", err=True)
    dagster = _start_dagster(settings, groups, env, stop)
    if not stop.is_set():
        click.echo(f"\n  UI        http://127.0.0.1:{settings.ui_port}")
        click.echo(
            f"  database  {settings.market_db}  (open it read-only, for as long as you like)"
        )
        click.echo("  stop      Ctrl-C\n")
    first_look_at = time.monotonic() + _FIRST_LOOK_S
    next_look_at = 0.0
    ended: list[float] = []
    while not stop.wait(1.0):
        if venues is not None and venues.poll() is not None:
            raise RunError(f"the simulated venues ended with exit code {venues.returncode}")
        if dagster.poll() is not None:
            _start_again_or_give_up(dagster, ended)
            dagster = _start_dagster(settings, groups, env, stop)
        elif time.monotonic() > next_look_at:
            next_look_at = time.monotonic() + _LOOK_EVERY_S
            _end_without_code_server(dagster)
        if time.monotonic() > first_look_at:
            first_look_at = float("inf")
            subprocess.run(
                [sys.executable, "-m", "market_assets.cli.main", "status"], env=env, check=False
            )
    click.echo("stopping …", err=True)


def _start_dagster(
    settings: Settings, groups: list[Group], env: Mapping[str, str], stop: threading.Event
) -> subprocess.Popen[str]:
    """Dagster in a group of its own, once its UI answers.

    The group of one that died before is kept in mind: the stream may still be alive in it.
    """
    dagster, group = start(
        "dagster", _dagster_command(settings), env=env, cwd=settings.dagster_home
    )
    groups.append(group)
    remember_started(settings, groups)
    _wait_until_up(f"http://127.0.0.1:{settings.ui_port}", dagster, stop)
    return dagster


def _end_without_code_server(dagster: subprocess.Popen[str]) -> None:
    """Have `dagster dev` end when its code server is gone: it would go on without one for ever.

    Nothing would be scheduled any more, while the UI and the daemon look alive.
    """
    try:
        children = psutil.Process(dagster.pid).children(recursive=True)
        commands = [" ".join(child.cmdline()) for child in children]
    except psutil.Error:
        return
    if not any(" api grpc " in command for command in commands):
        click.echo("Dagster has lost its code server", err=True)
        dagster.send_signal(signal.SIGINT)


def _start_again_or_give_up(dagster: subprocess.Popen[str], ended: list[float]) -> None:
    """`dagster dev` ends when its daemon or its web server does; the stream goes on meanwhile.

    Raises:
        RunError: it keeps ending.
    """
    now = time.monotonic()
    ended[:] = [at for at in ended if now - at < _RESTART_WINDOW_S] + [now]
    said = f"Dagster ended with exit code {dagster.returncode}"
    if len(ended) > _RESTARTS:
        raise RunError(f"{said}, {len(ended)} times in {_RESTART_WINDOW_S / 60:.0f} minutes")
    click.echo(f"{said}; starting it again …", err=True)


def _dagster_command(settings: Settings) -> list[str]:
    return [
        sys.executable,
        "-W",
        "ignore",  # `dagster dev` warns that `dg dev` supersedes it; that one needs another package
        "-m",
        "dagster",
        "dev",
        "--workspace",
        str(ROOT / "workspace.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(settings.ui_port),
        "--log-level",
        "warning",
        "--log-format",
        "json" if settings.log_format == "json" else "colored",
    ]


def _start_venues(
    settings: Settings, groups: list[Group], env: dict[str, str]
) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """The simulator, and the variables that it prints; other shells find them in a file."""
    command = [sys.executable, "-m", "market_assets.cli.main", "simulate"]
    port = settings.simulator_port if _is_free(settings.simulator_port) else 0
    venues, group = start(
        "simulator", [*command, "--port", str(port)], env=env, cwd=ROOT, stdout=subprocess.PIPE
    )
    groups.append(group)
    assert venues.stdout is not None
    addresses: dict[str, str] = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1"}
    for line in venues.stdout:
        if line.strip() == VENUES_ARE_UP:
            break
        if line.startswith("export "):
            name, _, value = line.strip().removeprefix("export ").partition("=")
            addresses[name] = value
    else:
        raise RunError("the simulated venues did not start")
    file = endpoints_file(settings.market_db)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": venues.pid, "environment": addresses}))
    threading.Thread(target=venues.stdout.read, daemon=True).start()
    return venues, addresses


def _wait_until_up(url: str, dagster: subprocess.Popen[str], stop: threading.Event) -> None:
    deadline = time.monotonic() + _UP_WITHIN_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        if dagster.poll() is not None:
            raise RunError(f"Dagster ended with exit code {dagster.returncode} while starting")
        try:
            with opener.open(f"{url}/server_info", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if stop.wait(0.5):
                return
    raise RunError(f"the UI did not answer at {url} within {_UP_WITHIN_S:.0f} s")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _refuse_a_taken_port(port: int) -> None:
    if not _is_free(port):
        raise RunError(f"port {port} is taken by another program; set MARKET_UI_PORT to a free one")
