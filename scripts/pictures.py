"""Make the README's pictures from a running system: the asset graph, and `market-assets status`.

    python scripts/pictures.py          starts `UPSTREAM=simulated make run` in a folder of its own
    python scripts/pictures.py --url U  uses a UI that is up already

Needs Chromium (`chromium` or `google-chrome` on the path). The folder is deleted afterwards.
"""

from __future__ import annotations

import argparse
import base64
import html
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SETTLE_S = 8.0
"""How long a page of the UI takes to ask for everything that it shows."""
_PAGES = {
    "assets": ("/locations/market_assets/asset-groups/hyperliquid/lineage", "2000,1500", ""),
    "asset": ("/assets/hyperliquid_candles?view=overview", "1500,1560", ""),
    "plots": ("/assets/hyperliquid_candles?view=overview", "1500,900", "Plots"),
}


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a UI that is up already")
    arguments = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    if arguments.url:
        take_pictures(arguments.url, dict(os.environ))
        return
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "UPSTREAM": "simulated",
            "MARKET_DB": f"{folder}/market.duckdb",
            "DAGSTER_HOME": f"{folder}/dagster",
            "MARKET_UI_PORT": "3111",
            "MARKET_SIMULATOR_PORT": "3112",
        }
        running = subprocess.Popen(
            [ROOT / ".venv/bin/market-assets", "run"], env=env, cwd=ROOT, start_new_session=True
        )
        try:
            wait_until_well(env)
            take_pictures("http://127.0.0.1:3111", env)
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(timeout=90)


def wait_until_well(env: dict[str, str], patience_s: float = 420) -> None:
    """Wait until every channel is ok; then a little more, for the plots to have points."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = json.loads(_status(env, "--json"))
        if found["ok"]:
            time.sleep(90)
            return
        time.sleep(5)
    sys.exit("the channels were not all ok in time; no pictures taken")


def take_pictures(url: str, env: dict[str, str]) -> None:
    """The UI's pages, and the status table as a terminal shows it."""
    for name, (page, size, click) in _PAGES.items():
        screenshot(url + page, PICTURES / f"{name}.png", size=size, click=click)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "status.html"
        page.write_text(as_terminal("$ market-assets status", _status(env)), "utf-8")
        screenshot(page.as_uri(), PICTURES / "status.png", size="980,640")


def _status(env: dict[str, str], *options: str) -> str:
    command = [ROOT / ".venv/bin/market-assets", "status", *options]
    done = subprocess.run(
        command,
        env={**env, "COLUMNS": "130"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def as_terminal(command: str, output: str) -> str:
    """A page that looks like a terminal; the words of the five statuses in their colours."""
    colours = {"ok": "#7ee787", "running": "#79c0ff", "stale": "#e3b341", "failed": "#ff7b72"}
    lines = html.escape(output.strip("\n")).splitlines()
    for nth, line in enumerate(lines):
        channel, _, rest = line.strip().partition(" ")
        word = rest.split()[0] if "/" in channel and rest.split() else ""
        if word in colours:
            painted = f'<b style="color:{colours[word]}">{word}</b>'
            lines[nth] = line.replace(f" {word} ", f" {painted} ", 1)
    text = "\n".join(lines)
    return (
        "<body style='margin:0;background:#0d1117;color:#e6edf3'>"
        f"<pre style='font:14px/1.45 monospace;padding:18px'>{html.escape(command)}\n{text}</pre>"
    )


def screenshot(url: str, file: Path, *, size: str, click: str = "") -> None:
    """Have headless Chromium load a page, let it settle, and draw it.

    Args:
        url: the page.
        file: the PNG.
        size: width and height of the window, `1500,900`.
        click: the text of a button to press before the picture is taken.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium and no google-chrome on the path")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        running = subprocess.Popen(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                f"--window-size={size}",
                "about:blank",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _draw(_page_of(running), url, file, click)
        finally:
            running.terminate()
            running.communicate(timeout=20)


def _page_of(browser: subprocess.Popen[str]) -> str:
    """The address at which the browser's one page takes commands (Chrome DevTools Protocol)."""
    assert browser.stderr is not None
    for line in browser.stderr:
        if "DevTools listening on ws://" in line:
            host = line.split("ws://")[1].split("/")[0]
            pages = httpx.get(f"http://{host}/json/list", trust_env=False).json()
            return str(next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page"))
    sys.exit("the browser did not start")


def _draw(page: str, url: str, file: Path, click: str) -> None:
    with connect(page, max_size=None, proxy=None) as socket:
        numbers = itertools.count(1)

        def ask(method: str, **params: object) -> dict[str, Any]:
            number = next(numbers)
            socket.send(json.dumps({"id": number, "method": method, "params": params}))
            while True:
                answer = json.loads(socket.recv(timeout=30))
                if answer.get("id") == number:
                    return dict(answer.get("result", {}))

        ask("Page.navigate", url=url)
        time.sleep(SETTLE_S)
        if click:
            buttons = "[...document.querySelectorAll('button')]"
            find = f"{buttons}.find(b => b.innerText.trim() == '{click}')"
            ask("Runtime.evaluate", expression=f"{find}.scrollIntoView(); {find}.click()")
            time.sleep(SETTLE_S)
        picture = ask("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(picture["data"]))


if __name__ == "__main__":
    main()
