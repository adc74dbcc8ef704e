"""Where this machine keeps what is not the database: locks, spools, budgets, small files.

They are the machine's whichever store keeps the tables: processes of one machine share them, and
other machines have their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_FIRST: Final = "hyperliquid"
"""The stream that there was before there were several: its files stay where they were, so that
sessions of before and after an upgrade see each other's locks and drain each other's segments."""


class StreamPlaces(NamedTuple):
    """The folders of one stream.

    Attributes:
        folder: locks and small files.
        spool: segments that wait for the database.
    """

    folder: Path
    spool: Path


@dataclass(frozen=True)
class MachinePaths:
    """The files of one installation on this machine.

    Attributes:
        folder: the project's own, `live` beside `MARKET_DB`.
    """

    folder: Path

    def budget(self, name: str) -> Path:
        """The requests that all processes together may still make, by the venue's name."""
        return self.folder / f"{name}.budget"

    def stream(self, name: str) -> StreamPlaces:
        """The folders of the stream of that name."""
        folder = self.folder if name == _FIRST else self.folder / "streams" / name
        return StreamPlaces(folder, folder / "spool")

    @property
    def endpoints(self) -> Path:
        """How to reach the simulated venues, while a `make run` has some."""
        return self.folder / "endpoints.json"

    @property
    def run(self) -> Path:
        """What a `make run` has started, for the one after it."""
        return self.folder / "run.json"

    @property
    def run_lock(self) -> Path:
        """Held by the `make run` that is up."""
        return self.folder / "run.lock"

    @property
    def run_totals(self) -> Path:
        """How many runs and rows there were of each asset, for `/metrics`."""
        return self.folder / "run_totals.json"

    @property
    def standings(self) -> Path:
        """How each channel stood when it was last looked at."""
        return self.folder / "standing.json"


def machine_paths(market_db: Path) -> MachinePaths:
    """The files that stand beside this database.

    Args:
        market_db: `MARKET_DB`.
    """
    return MachinePaths(market_db.parent / "live")
