"""`market_assets.connect()`: the published database in a notebook or a script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from market_assets.storage.api import Reader

# What it needs is imported when somebody connects: importing the package must cost nothing.


def connect(path: Path | str | None = None) -> Reader:
    """A read-only DuckDB connection to the published database, in UTC.

        market = market_assets.connect()
        market.sql("from latest_prices").pl()
        market.refresh()                      # go over to the newest publication

    It shows one state of all tables, the newest one when it is opened, until it is refreshed; a
    process may have several. A plain `duckdb.connect` works too, but gives the old file again for
    as long as the process has it open anywhere.

    Args:
        path: the published file; by default `MARKET_DB`, as the shell or `.env` has it.

    Raises:
        NothingPublished: there is no such file yet; says how one comes to be.
        StoreError: it cannot be opened.
        SettingError: a setting cannot be used.
    """
    from market_assets.settings import load  # noqa: PLC0415
    from market_assets.storage.opening import open_reader  # noqa: PLC0415

    return open_reader(load().market_db if path is None else Path(path).expanduser().absolute())
