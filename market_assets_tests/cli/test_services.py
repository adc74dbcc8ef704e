"""Dagster's services: which are started, what happens when one ends, and how code is renewed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from market_assets.cli import code_server, services
from market_assets.cli.services import ENTRANCE, ServiceError, Services, code_location, listens
from market_assets.project_files import WORKSPACE, project_file
from market_assets_tests.waiting import until

OURS = "python_module: {module_name: market_assets.definitions, location_name: market_assets}"
STUB = """
import os, signal, socket, sys, time
name, *arguments = sys.argv[1:]
fails = os.path.join(os.getcwd(), "fails-" + name)
if os.path.exists(fails):
    sys.exit(7)
if "--socket" in arguments:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(arguments[arguments.index("--socket") + 1])
    listener.listen()
try:
    open(f"{name}.{os.getpid()}", "w").write("\\n".join(arguments))
    time.sleep(600)
except KeyboardInterrupt:
    pass
"""
"""A service: listens where it is told to, writes down how it was started, ends on Ctrl-C."""


class Made:
    """Services of stubs, on a thread of their own."""

    def __init__(self, folder: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.sockets = sockets
        self.started: list[subprocess.Popen[bytes]] = []
        monkeypatch.setattr(services, "_module", self._stub)
        monkeypatch.setattr(services, "_LOOK_EVERY_S", 0.01)
        workspace = folder / "given.yaml"
        workspace.write_text(f"load_from:\n  - {OURS}\n")
        chosen = argparse.Namespace(
            workspace=str(workspace),
            host="127.0.0.1",
            port=1,
            log_level="warning",
            log_format="colored",
        )
        self.services = Services(chosen, sockets)
        self.error: ServiceError | None = None
        self.thread = threading.Thread(target=self._run)

    def _stub(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", STUB, name, *arguments]
        self.started.append(subprocess.Popen(command, cwd=self.folder))
        return self.started[-1]

    def _run(self) -> None:
        try:
            self.services.run()
        except ServiceError as error:
            self.error = error

    def told(self, name: str) -> list[list[str]]:
        """The arguments of each process of a module, the first one first."""
        found = sorted(self.folder.glob(f"{name}.*"), key=lambda one: one.stat().st_mtime_ns)
        return [one.read_text().split("\n") for one in found]

    def up(self) -> bool:
        return all(self.told(name) for name in ("market_assets.cli.web_server", "dagster._daemon"))

    def end(self) -> None:
        self.services.wanted = False
        if self.thread.is_alive():
            self.thread.join(60)
        self.services.end()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    with tempfile.TemporaryDirectory() as sockets:
        one = Made(tmp_path, Path(sockets), monkeypatch)
        yield one
        one.end()
        for process in one.started:
            process.kill()
            process.wait()


def test_the_three_are_started_and_the_code_server_is_reached_through_a_link(made: Made) -> None:
    made.thread.start()
    until(made.up, "up")
    [code] = made.told("market_assets.cli.code_server")
    assert code[code.index("--module-name") + 1] == "market_assets.definitions"
    assert "--lazy-load-user-code" in code, "code that is broken is shown, not an end"
    [web] = made.told("market_assets.cli.web_server")
    assert web[:4] == ["--host", "127.0.0.1", "--port", "1"]
    [daemon] = made.told("dagster._daemon")
    workspaces = {one[one.index("--workspace") + 1] for one in (web, daemon)}
    assert len(workspaces) == 1
    written = msgspec.yaml.decode(Path(workspaces.pop()).read_bytes())
    assert written == {
        "load_from": [
            {
                "grpc_server": {
                    "socket": str(made.sockets / ENTRANCE),
                    "location_name": "market_assets",
                }
            }
        ]
    }
    assert listens(made.sockets / ENTRANCE)
    made.end()
    assert made.error is None
    assert [one.poll() for one in made.started] == [0, 0, 0], "each was interrupted, none killed"


def test_another_code_server_takes_over_and_the_old_one_ends(made: Made) -> None:
    made.thread.start()
    until(made.up, "up")
    old = (made.sockets / ENTRANCE).readlink()
    before = made.started[0]
    made.services.renew = True
    until(lambda: before.poll() == 0, "the old one interrupted")
    assert (made.sockets / ENTRANCE).readlink() != old
    assert listens(made.sockets / ENTRANCE), "its end did not take the new one's socket away"
    assert made.thread.is_alive()
    assert len(made.told("market_assets.cli.code_server")) == 2
    made.end()
    assert made.error is None


@pytest.mark.parametrize(("index", "name"), [(0, "code server"), (1, "web server"), (2, "daemon")])
def test_the_end_of_one_is_the_end_of_all(made: Made, index: int, name: str) -> None:
    made.thread.start()
    until(made.up, "up")
    made.started[index].kill()
    made.thread.join(60)
    assert str(made.error) == f"the {name} has ended with exit code -9"
    made.services.end()
    assert all(one.poll() is not None for one in made.started)


def test_a_code_server_that_does_not_start_is_an_error(made: Made) -> None:
    (made.folder / "fails-market_assets.cli.code_server").touch()
    made.thread.start()
    made.thread.join(60)
    assert str(made.error) == "the code server has ended with exit code 7"
    assert len(made.started) == 1


def test_a_code_server_that_does_not_listen_is_an_error(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_LISTENS_WITHIN_S", 0.0)
    monkeypatch.setattr(services, "listens", lambda _: False)
    made.thread.start()
    made.thread.join(60)
    assert "no code server within" in str(made.error)
    assert made.started[0].poll() is not None


def test_the_shipped_workspace_is_served() -> None:
    assert code_location(str(project_file(WORKSPACE))) == "market_assets"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "load_from: []",
        f"load_from:\n  - {OURS}\n  - python_file: mine.py",
        "load_from:\n  - python_file: mine.py",
        "load_from:\n  - python_module: mine",
        "load_from:\n  - python_module: {module_name: mine}",
        "load_from:\n  - python_module: {module_name: market_assets.definitions, attribute: defs}",
    ],
)
def test_with_other_code_locations_dagster_loads_them_all(
    text: str, made: Made, tmp_path: Path
) -> None:
    given = tmp_path / "given.yaml"
    given.write_text(text)
    assert code_location(str(given)) is None
    made.services = Services(made.services._chosen, made.sockets)
    made.thread.start()
    until(made.up, "up")
    assert made.told("market_assets.cli.code_server") == []
    [daemon] = made.told("dagster._daemon")
    assert daemon[daemon.index("--workspace") + 1] == str(given)


def test_a_location_without_a_name_has_its_modules(tmp_path: Path) -> None:
    file = tmp_path / "workspace.yaml"
    file.write_text("load_from:\n  - python_module: {module_name: market_assets.definitions}")
    assert code_location(str(file)) == "market_assets.definitions"


def test_who_has_no_parent_any_more_renews_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="is gone"):
        code_server.have_it_renewed(tmp_path / ENTRANCE, parent=os.getppid() + 1)


def test_a_renewal_that_does_not_come_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_server, "_RENEWED_WITHIN_S", 0.0)
    monkeypatch.setattr("os.kill", lambda *_: None)
    (tmp_path / ENTRANCE).symlink_to("code-1.sock")
    with pytest.raises(RuntimeError, match="no new code server within"):
        code_server.have_it_renewed(tmp_path / ENTRANCE, parent=os.getppid())
