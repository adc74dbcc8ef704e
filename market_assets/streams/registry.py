"""The streams that there are: one entry each, from which job, sensor, health and metrics are made.

Importing this imports no venue: a stream is put together when a session of it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.machine_paths import MachinePaths
    from market_assets.storage.api import Store
    from market_assets.streams.core.session import StreamSession


EVERY_MINUTE: Final = timedelta(minutes=1)


class Assemble(Protocol):
    """Puts a session together from the settings."""

    def __call__(
        self,
        store: Store,
        settings: Any,
        *,
        code_version: str,
        run_id: str,
        duration: timedelta | None,
        report_interval: timedelta = EVERY_MINUTE,
    ) -> StreamSession:
        """A session that streams into the store.

        Args:
            store: the database.
            settings: the project's.
            code_version: of the code that runs.
            run_id: the Dagster run, or who else streams.
            duration: after which it ends; None: when it is relieved.
            report_interval: how often a table is reported while rows arrive.
        """
        ...


@dataclass(frozen=True)
class StreamDef:
    """One stream.

    Attributes:
        name: the source that it streams; names its folder.
        brings: what a session brings, in a sentence.
        assemble: puts a session together.
    """

    name: str
    brings: str
    assemble: Assemble

    @property
    def job(self) -> str:
        """The job whose runs are its sessions."""
        return f"{self.name}_stream"


def _hyperliquid(store: Store, settings: Any, **options: Any) -> StreamSession:
    from market_assets.streams.hyperliquid import assembly  # noqa: PLC0415 - imports the venue

    return assembly.hyperliquid_session(store, settings, **options)


HYPERLIQUID: Final = StreamDef(
    name="hyperliquid",
    brings="Mids of every dex and 1-minute candles of every live asset go into the database.",
    assemble=_hyperliquid,
)


def _polymarket(store: Store, settings: Any, **options: Any) -> StreamSession:
    from market_assets.streams.polymarket import assembly  # noqa: PLC0415 - imports the venue

    return assembly.polymarket_session(store, settings, **options)


POLYMARKET: Final = StreamDef(
    name="polymarket",
    brings="Whole books of the tracked tokens go into the database, proved by the venue's hash.",
    assemble=_polymarket,
)
STREAMS: Final = (HYPERLIQUID, POLYMARKET)
"""All of them. A new one is a folder beside `hyperliquid/`, and an entry here."""


def spool_folders(machine: MachinePaths) -> tuple[Path, ...]:
    """Where rows wait that are received and in no table yet."""
    return tuple(machine.stream(stream.name).spool for stream in STREAMS)


def stream_of(source: str) -> StreamDef:
    """The stream of that source.

    Raises:
        KeyError: it has none.
    """
    return {stream.name: stream for stream in STREAMS}[source]
