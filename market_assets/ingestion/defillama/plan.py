"""Which daily series there are for the tracked subjects, how each is asked for, which are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from market_assets.ingestion.defillama.catalogue import FLOWS
from market_assets.sources.defillama.frames import SeriesKey
from market_assets.sources.defillama.subjects import CHAIN
from market_assets.sources.errors import VenueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.sources.defillama.model import Series
    from market_assets.storage.api import Store

    Route = Callable[[Tracked], Callable[[], Series] | None]
    """How a subject's series is asked for; None where DefiLlama has none."""

SETTLES: Final = timedelta(minutes=30)
"""How long after midnight DefiLlama is given to write the last points of the day that is over."""
SECOND_LOOK: Final = timedelta(hours=6, minutes=30)
"""When flows are read again: some protocols report a day hours after it ended, and until then the
sums of their chains are too small. Stocks are points in time, and do not change any more."""
ASK_AGAIN: Final = timedelta(minutes=30)
"""How long a series that could not be read is left alone."""


def latest_reading(metric: str, now: datetime) -> datetime:
    """Since when a series of the metric has to have been read."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    after_midnight = (SETTLES, SECOND_LOOK) if metric in FLOWS else (SETTLES,)
    instants = [
        midnight + timedelta(days=day) + after for day in (-1, 0) for after in after_midnight
    ]
    return max(instant for instant in instants if instant <= now)


def last_complete_day(now: datetime) -> date:
    """The UTC day before, once DefiLlama has settled it; until 00:30 the one before that."""
    return (now - SETTLES).date() - timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """The series of some subjects.

    Attributes:
        ask: by series, the request that brings it; those of important subjects first.
        unknown: by metric, why nobody knows which subjects have it: its list could not be read.
    """

    ask: Mapping[SeriesKey, Callable[[], Series]]
    unknown: Mapping[str, VenueError]


def plan(catalogue: Catalogue, subjects: Sequence[Tracked], metrics: Iterable[str]) -> Plan:
    """The series that DefiLlama has, by its own lists, in the order of the subjects.

    A series that no list names is not asked for: it is known to be absent.

    Args:
        catalogue: the lists.
        subjects: the most important first.
        metrics: of `tables.defillama.METRICS` and `FLOWS`.
    """
    routes: dict[str, Route] = {}
    unknown: dict[str, VenueError] = {}
    for metric in metrics:
        try:
            routes[metric] = _route(catalogue, metric)
        except VenueError as error:
            unknown[metric] = error
    ask = {}
    for subject in subjects:
        for metric, route in routes.items():
            request = route(subject)
            if request is not None:
                ask[SeriesKey(subject.subject_id, metric)] = request
    return Plan(ask, unknown)


@dataclass(frozen=True)
class Due:
    """Which series of a plan have to be asked for.

    Attributes:
        keys: in the order of the plan.
        failed: those that could not be read before and are left alone for now, with the reason.
        doubted: those that were not believed when they were last read.
    """

    keys: list[SeriesKey]
    failed: dict[SeriesKey, str]
    doubted: frozenset[SeriesKey]


def due(store: Store, keys: Iterable[SeriesKey], now: datetime, *, all_again: bool) -> Due:
    """The series that were not read since they were last due.

    Args:
        store: what was asked for before (`defillama_series_reads`).
        keys: the series of a plan.
        now: the present.
        all_again: whatever was read before.
    """
    rows = store.read(
        "select subject_id, metric, error, ingested_at, is_doubted from defillama_series_reads"
    )
    before = {SeriesKey(row[0], row[1]): (row[2], row[3]) for row in rows.iter_rows()}
    doubted = frozenset(SeriesKey(row[0], row[1]) for row in rows.filter("is_doubted").iter_rows())
    wanted, failed = [], {}
    for key in keys:
        error, read_at = before.get(key, (None, None))
        if all_again or read_at is None:
            wanted.append(key)
        elif error is not None and now - read_at < ASK_AGAIN:
            failed[key] = error
        elif error is not None or read_at < latest_reading(key.metric, now):
            wanted.append(key)
    return Due(wanted, failed, doubted)


def _route(catalogue: Catalogue, metric: str) -> Route:
    """How the series of a metric are asked for.

    Raises:
        VenueError: the list that says so could not be read.
    """
    client = catalogue.client
    if metric == "tvl":
        names = catalogue.tvl_names

        def tvl(subject: Tracked) -> Callable[[], Series] | None:
            if subject.kind != CHAIN:
                return partial(client.protocol_tvl, subject.slug)
            name = names.get(subject.slug)
            return partial(client.chain_tvl, name) if name else None

        return tvl
    if metric == "stablecoin_mcap":
        names = catalogue.stablecoin_names

        def stablecoins(subject: Tracked) -> Callable[[], Series] | None:
            name = names.get(subject.slug) if subject.kind == CHAIN else None
            return partial(client.chain_stablecoins, name) if name else None

        return stablecoins
    turnovers, flow = catalogue.turnovers(metric), FLOWS[metric]

    def turnover(subject: Tracked) -> Callable[[], Series] | None:
        if subject.kind == CHAIN:
            name = turnovers.chains.get(subject.slug)
            if name is None:
                return None
            return partial(client.chain_turnover, flow.what, name, flow.data_type)
        row = turnovers.of(subject.llama_id, subject.slug)
        if row is None:
            return None
        slug = row.slug or subject.slug
        return partial(client.protocol_turnover, flow.what, slug, flow.data_type)

    return turnover
