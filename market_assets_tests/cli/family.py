"""Made-up services of Dagster: the same family of processes, without Dagster.

`python -m market_assets_tests.cli.family market_assets.cli.services PORT FOLDER` starts a web
server, a daemon, a code server and, where none lives yet, a run; each number is written into the
folder, and `FOLDER/listens` once the run can be interrupted. As with Dagster, the children outlive
a parent that is killed. `FOLDER/fails` makes it end while starting.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PARENT = ["market_assets.cli.services"]
CHILDREN = {
    "web": ["market_assets.cli.web_server"],
    "daemon": ["dagster._daemon", "run"],
    "code": ["market_assets.cli.code_server", "api", "grpc"],
    "run": ["spawn_main"],
}


def command(port: int, folder: Path, *extra: str) -> list[str]:
    me = [sys.executable, "-m", "market_assets_tests.cli.family"]
    return [*me, *(extra or PARENT), str(port), str(folder)]


def main() -> None:
    *what, port, folder = sys.argv[1:]
    if what == PARENT:
        parent(int(port), Path(folder))
    elif "market_assets.cli.web_server" in what:
        serve(int(port))
    else:
        if "spawn_main" in what:
            signal.signal(signal.SIGINT, lambda *_: put_away(Path(folder)))
            (Path(folder) / "listens").touch()
        time.sleep(600)


def parent(port: int, folder: Path) -> None:
    with (folder / "lives").open("a") as lives:
        lives.write("x")
    if (folder / "fails").exists():
        sys.exit(3)
    children = []
    for name, extra in CHILDREN.items():
        if name == "run" and alive(folder / "run"):
            continue
        child = subprocess.Popen(command(port, folder, *extra))
        (folder / f".{name}").write_text(str(child.pid))
        (folder / f".{name}").replace(folder / name)
        children.append(child)
    while all(child.poll() is None for child in children):
        time.sleep(0.05)


def alive(file: Path) -> bool:
    if not file.exists():
        return False
    try:
        os.kill(int(file.read_text()), 0)
    except OSError:
        return False
    return True


def put_away(folder: Path) -> None:
    """A run needs a moment to write what it has, and longer where a test says so."""
    time.sleep(float((folder / "slow").read_text()) if (folder / "slow").exists() else 0.1)
    (folder / "written").touch()
    sys.exit(0)


def serve(port: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    HTTPServer.allow_reuse_address = True
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
