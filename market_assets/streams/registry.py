"""The streams that there are: one entry each, from which job, sensor, health and metrics are made.

Importing this imports no venue: a stream is put together when a session of it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from market_assets.machine_paths import MachinePaths
    from market_assets.storage.api import Store
    from market_assets.streams.core.session import StreamSession


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
    ) -> StreamSession:
        """A session that streams into the store; `duration` None: until it is relieved."""
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


def _hyperliquid(
    store: Store, settings: Any, *, code_version: str, run_id: str, duration: timedelta | None
) -> StreamSession:
    from market_assets.streams.hyperliquid import assembly  # noqa: PLC0415 - imports the venue

    return assembly.hyperliquid_session(
        store, settings, code_version=code_version, run_id=run_id, duration=duration
    )


HYPERLIQUID: Final = StreamDef(
    name="hyperliquid",
    brings="Mids of every dex and 1-minute candles of every live asset go into the database.",
    assemble=_hyperliquid,
)
STREAMS: Final = (HYPERLIQUID,)
"""All of them. A new one is a folder beside `hyperliquid/`, and an entry here."""


def spool_folders(machine: MachinePaths) -> tuple[Path, ...]:
    """Where rows wait that are received and in no table yet."""
    return tuple(machine.stream(stream.name).spool for stream in STREAMS)
