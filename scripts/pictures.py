"""Make the README's pictures from a running system.

    python -m scripts.pictures          all of them, of a simulated system in a folder of its own
    python -m scripts.pictures --url U  uses a UI that is up already: its pages, and `status`

The first way breaks a venue for some minutes, so that there is something to see: what the page of
the read API then shows, and the alert that is posted. It takes about 20 minutes. Needs Chromium
(`chromium` or `google-chrome` on the path). The folder is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.browser import screenshot, whole_page
from scripts.incident import broken_venue, webhook
from scripts.renderings import as_chat, as_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURES: Final = ROOT / "docs" / "pictures"
COMMAND: Final = str(ROOT / ".venv" / "bin" / "market-assets")
UI_PORT, SIMULATOR_PORT, API_PORT = 3111, 3112, 3113
SETTLE_S: Final = 8.0
"""How long a page of the UI takes to ask for everything that it shows."""
PLOTS_S: Final = 90.0
"""After the first rows, so that the plots have points."""
_GROUPS: Final = ("hyperliquid", "polymarket", "defillama", "features")
_GRAPH: Final = "/asset-groups?expanded=" + ",".join(f"global@global:{one}" for one in _GROUPS)
_CANDLES: Final = "/assets/hyperliquid_candles?view=overview"
_BOOKS: Final = "/assets/polymarket_books?view=overview"
_SHOWN_PLOTS: Final = ("frames", "lag_s", "proven_share", "book_states_proven")
"""Of the thirty that the asset of the books has; the others are hidden."""
_HIDE_OTHER_PLOTS: Final = f"""
const shown = {json.dumps(_SHOWN_PLOTS)};
const title = [...document.querySelectorAll('span')].find(one => one.innerText === shown[0]);
let plot = title.parentElement;
while (plot.parentElement.children.length < 10) plot = plot.parentElement;
for (const one of plot.parentElement.children)
  if (!shown.includes(one.innerText.split('\\n')[0].trim())) one.style.display = 'none';
"""


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a UI that is up already")
    arguments = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    if arguments.url:
        take_everyday(arguments.url, dict(os.environ))
        return
    with tempfile.TemporaryDirectory() as folder, webhook() as received:
        env = {
            **os.environ,
            "UPSTREAM": "simulated",
            "MARKET_DB": f"{folder}/market.duckdb",
            "DAGSTER_HOME": f"{folder}/dagster",
            "MARKET_UI_PORT": str(UI_PORT),
            "MARKET_SIMULATOR_PORT": str(SIMULATOR_PORT),
            "MARKET_API_TOKEN": "",
            "ALERT_WEBHOOK_URL": received.url,
        }
        api = ["api", "--port", str(API_PORT)]
        with running(["run"], env), running(api, env):
            wait_until_well(env)
            time.sleep(PLOTS_S)
            take_everyday(f"http://127.0.0.1:{UI_PORT}", env)
            with broken_venue(f"http://127.0.0.1:{SIMULATOR_PORT}"):
                alert = received.wait_for("alert")
                dashboard = f"http://127.0.0.1:{API_PORT}/"
                whole_page(dashboard, PICTURES / "dashboard.png", width=1120)
            recovery = received.wait_for("recovery")
            draw(as_chat([alert, recovery]), PICTURES / "alert.png", width=820)


@contextmanager
def running(arguments: Sequence[str], env: dict[str, str]) -> Iterator[None]:
    """The command runs while the block does, and is stopped as Ctrl-C stops it."""
    process = subprocess.Popen([COMMAND, *arguments], env=env, cwd=ROOT, start_new_session=True)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=120)


def wait_until_well(env: dict[str, str], patience_s: float = 900) -> None:
    """Wait until every channel is ok or running, and each has brought something."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = json.loads(_status(env, "--json") or "{}")
        rows = found.get("rows", ())
        if found.get("ok") and all(row["ageSec"] is not None for row in rows):
            return
        time.sleep(5)
    sys.exit("the channels were not all ok in time; no pictures taken")


def take_everyday(url: str, env: dict[str, str]) -> None:
    """The UI's pages, and the status table as a terminal shows it."""
    draw(as_terminal("$ market-assets status", _status(env)), PICTURES / "status.png", width=980)
    screenshot(
        url + _GRAPH,
        PICTURES / "assets.png",
        size=(2260, 2740),
        settle_s=SETTLE_S,
        area=(630, 205, 1542, 2345),  # without menus, which take a third of the width
        kept={"asset-node-facets": ["status"]},  # with all of them it is twice as high
    )
    asset, plots = PICTURES / "asset.png", PICTURES / "plots.png"
    screenshot(url + _CANDLES, asset, size=(1500, 1420), settle_s=SETTLE_S)
    screenshot(url + _CANDLES, plots, size=(1500, 700), settle_s=SETTLE_S, click="Plots")
    books = PICTURES / "book-plots.png"
    screenshot(
        url + _BOOKS,
        books,
        size=(1500, 700),
        settle_s=SETTLE_S,
        click="Plots",
        script=_HIDE_OTHER_PLOTS,
    )


def draw(page: str, file: Path, *, width: int) -> None:
    """A page that is only made to be drawn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, "utf-8")
        whole_page(path.as_uri(), file, width=width)


def _status(env: dict[str, str], *options: str) -> str:
    done = subprocess.run(
        [COMMAND, "status", *options],
        env={**env, "COLUMNS": "130"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


if __name__ == "__main__":
    main()
