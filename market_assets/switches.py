"""The sources that there are, and which of them are on: the one place that says so.

A source that is off has no schedule, no sensor and no channel, and nobody is told of it; its assets
stay, to be materialized by hand. A later source is one more entry of `SOURCES`, beside its channels
in `channels.py`. Not here: how `MARKET_SOURCES` is read (`settings/sources.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from market_assets.channels import CHANNELS, Channel

VARIABLE: Final = "MARKET_SOURCES"


@dataclass(frozen=True)
class Source:
    """A source that may be named in `MARKET_SOURCES`.

    Its jobs, assets and tables have names that begin with its own: `polymarket_trades`.

    Attributes:
        name: what it is called.
        joins_with: it needs one of these variables, and is on by default where one has a value;
            empty: it needs none, and is on by default.
    """

    name: str
    joins_with: tuple[str, ...] = ()


SOURCES: Final[tuple[Source, ...]] = (
    Source("hyperliquid"),
    Source("polymarket"),
    Source("defillama"),
    Source("binance"),
    Source("bybit"),
    Source("uniswap", joins_with=("UNISWAP_SUBGRAPH_URL", "THEGRAPH_API_KEY")),
    Source("evm", joins_with=("EVM_RPC_URLS",)),
)
"""All whose names are valid, in the order in which people see them. One without a channel in
`CHANNELS` is of another version: it may be named, and nothing comes of it."""

NAMES: Final = tuple(source.name for source in SOURCES)
DEFAULT: Final = tuple(source.name for source in SOURCES if not source.joins_with)


LOOKS_AT: Final[dict[str, tuple[str, ...]]] = {
    "data_completeness": ("hyperliquid",),
    "ingestion_gaps": ("hyperliquid",),
}
"""What the project makes by itself of sources' rows, and of whose: it is off where all of these
are. Its jobs, assets and tables have names that begin so."""


class Off(NamedTuple):
    """A source that is off, and the variable that turns it on."""

    source: str
    variable: str


@dataclass(frozen=True)
class Switches:
    """Which sources are on.

    Attributes:
        on: their names, also of sources that this version does not have.
        is_chosen: somebody has named them; else they are those that are on by default.
        polled: sources whose stream is off, though they are on: jobs ask instead.
    """

    on: frozenset[str]
    is_chosen: bool = False
    polled: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether the source of this name is on, or that of the job, asset or table of this name.

        What belongs to no source is the project's own, and on; what is made of sources' rows only
        while one of them is on.
        """
        for own, looked_at in LOOKS_AT.items():
            if name.startswith(own):
                return not self.on.isdisjoint(looked_at)
        source = name.partition("_")[0]
        return source in self.on or source not in NAMES

    def runs_by_itself(self, job: str) -> bool:
        """Whether a schedule or a sensor starts the job of this name.

        Of a stream and the job that polls instead of it, one does.
        """
        streamed = [one for one in CHANNELS if one.polled_by and job in (one.job, one.polled_by)]
        if not self.has(job) or not streamed:
            return self.has(job)
        is_polled = streamed[0].source in self.polled
        return (job == streamed[0].polled_by) is is_polled

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of the sources that are on."""
        return tuple(
            channel.polled if channel.polled_by and channel.source in self.polled else channel
            for channel in CHANNELS
            if self.has(channel.source) and self.has(channel.job)
        )

    @property
    def without_stream(self) -> frozenset[str]:
        """Sources whose streams are off: with them, or because jobs ask instead."""
        return self.polled | {one.source for one in self.off}

    @property
    def off(self) -> tuple[Off, ...]:
        """The sources of this version that are off."""
        here = {channel.source for channel in CHANNELS}
        return tuple(
            Off(source.name, self._variable_of(source))
            for source in SOURCES
            if source.name in here and source.name not in self.on
        )

    def _variable_of(self, source: Source) -> str:
        by_itself = source.joins_with and not self.is_chosen
        return " or ".join(source.joins_with) if by_itself else VARIABLE


def footnote(off: tuple[Off, ...]) -> str | None:
    """`off: polymarket (MARKET_SOURCES)`: which sources are, and what turns them on."""
    by_variable: dict[str, list[str]] = {}
    for one in off:
        by_variable.setdefault(one.variable, []).append(one.source)
    told = [f"{', '.join(names)} ({variable})" for variable, names in by_variable.items()]
    return f"off: {'; '.join(told)}" if told else None
