"""Headless Chromium, over its DevTools protocol: load a page, let it settle, press a button, draw.

What is drawn, and why, is `pictures.py`'s.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from websockets.sync.client import ClientConnection

_WHOLE_PAGE_SCALE: Final = 1.5
"""Pixels per CSS pixel of a page that is drawn whole, so that it stays legible where it is shown
smaller than it is."""


_REDRAWN_S: Final = 1.0
"""After a script has changed the page, before it is drawn."""


def screenshot(
    url: str,
    file: Path,
    *,
    size: tuple[int, int],
    settle_s: float,
    area: tuple[int, int, int, int] | None = None,
    click: str = "",
    script: str = "",
    kept: Mapping[str, object] | None = None,
) -> None:
    """Draw what a window of that size shows.

    Args:
        url: the page.
        file: the PNG.
        size: width and height in pixels.
        settle_s: seconds that the page needs to ask for all that it shows.
        area: left, top, width and height of what is drawn; the whole window if None.
        click: the text of a button to press before the picture is taken; it settles once more.
        script: JavaScript that the page runs last, before the picture is taken.
        kept: what the page finds in its local storage, as if chosen on an earlier visit.
    """

    def draw(ask: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        width, height = size
        _set_size(ask, width, height, scale=1)
        ask("Page.enable")
        for name, value in (kept or {}).items():
            said = f"localStorage.setItem({json.dumps(name)}, {json.dumps(json.dumps(value))})"
            ask("Page.addScriptToEvaluateOnNewDocument", source=said)
        ask("Page.navigate", url=url)
        time.sleep(settle_s)
        if click:
            buttons = "[...document.querySelectorAll('button')]"
            find = f"{buttons}.find(b => b.innerText.trim() == '{click}')"
            ask("Runtime.evaluate", expression=f"{find}.scrollIntoView(); {find}.click()")
            time.sleep(settle_s)
        if script:
            ask("Runtime.evaluate", expression=script)
            time.sleep(_REDRAWN_S)
        left, top, wide, high = area or (0, 0, *size)
        clip = {"x": left, "y": top, "width": wide, "height": high, "scale": 1}
        return ask("Page.captureScreenshot", format="png", clip=clip)

    _with_page(draw, file)


def whole_page(url: str, file: Path, *, width: int) -> None:
    """Draw a page that comes from the server as it is, from its top to its end.

    Args:
        url: the page.
        file: the PNG.
        width: of the window, in CSS pixels.
    """

    def draw(ask: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        _set_size(ask, width, 100, scale=_WHOLE_PAGE_SCALE)
        ask("Page.navigate", url=url)
        deadline = time.monotonic() + 30
        while not _is_loaded(ask, url):
            if time.monotonic() > deadline:
                sys.exit(f"{url} did not load")
            time.sleep(0.1)
        height = ask("Page.getLayoutMetrics")["cssContentSize"]["height"]
        _set_size(ask, width, int(height), scale=_WHOLE_PAGE_SCALE)
        return ask("Page.captureScreenshot", format="png")

    _with_page(draw, file)


def _set_size(ask: Callable[..., dict[str, Any]], width: int, height: int, *, scale: float) -> None:
    ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=scale,
        mobile=False,
    )


def _is_loaded(ask: Callable[..., dict[str, Any]], url: str) -> bool:
    state = ask("Runtime.evaluate", expression="document.readyState + ' ' + location.href")
    return bool(state["result"]["value"] == f"complete {url}")


def _with_page(draw: Callable[[Callable[..., dict[str, Any]]], dict[str, Any]], file: Path) -> None:
    """Start a browser, have `draw` command its one page, and keep the picture."""
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
                "about:blank",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            with connect(_page_of(running), max_size=None, proxy=None) as socket:
                picture = draw(_asking(socket))
            file.write_bytes(base64.b64decode(picture["data"]))
        finally:
            running.terminate()
            running.communicate(timeout=20)


def _asking(socket: ClientConnection) -> Callable[..., dict[str, Any]]:
    """A function that sends a command with its parameters and gives the result."""
    numbers = itertools.count(1)

    def ask(method: str, **params: object) -> dict[str, Any]:
        number = next(numbers)
        socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(socket.recv(timeout=60))
            if answer.get("id") == number:
                if "error" in answer:
                    sys.exit(f"the browser refuses {method}: {answer['error']}")
                return dict(answer["result"])

    return ask


def _page_of(browser: subprocess.Popen[str]) -> str:
    """The address at which the browser's one page takes commands."""
    assert browser.stderr is not None
    for line in browser.stderr:
        if "DevTools listening on ws://" in line:
            host = line.split("ws://")[1].split("/")[0]
            pages = httpx.get(f"http://{host}/json/list", trust_env=False).json()
            return str(next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page"))
    sys.exit("the browser did not start")
