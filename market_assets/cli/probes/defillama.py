"""`probe defillama`: the first subjects, the capital behind them and a series of each kind."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from market_assets.cli.probes.printing import print_rejected, print_rows, refuse_failures
from market_assets.clock import SystemClock
from market_assets.ingestion.defillama.base import capital_of
from market_assets.ingestion.defillama.catalogue import FLOWS, Catalogue
from market_assets.ingestion.defillama.flows import flow_figures
from market_assets.ingestion.defillama.plan import last_complete_day, plan
from market_assets.ingestion.defillama.rows import hour_of, hourly
from market_assets.ingestion.defillama.subjects import Selection, ranked, read_listed, tracked_ids
from market_assets.ingestion.defillama.throughput import throughput_figures
from market_assets.sources.defillama import frames
from market_assets.sources.defillama.client import DefiLlamaClient, request_budget
from market_assets.sources.defillama.subjects import CHAIN, PROTOCOL
from market_assets.tables.defillama import (
    DEFILLAMA_CAPITAL_FLOWS,
    DEFILLAMA_ECONOMIC_THROUGHPUT,
    METRICS,
)

if TYPE_CHECKING:
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.settings import Settings


def probe(settings: Settings, limit: int) -> None:
    """The lists, and the daily series of the first chain and the first protocol, as written."""
    chosen = settings.defillama
    # The budget is shared with what is running; its file is the only thing that is touched.
    budget = request_budget(
        settings.machine.budget("defillama"), per_minute=chosen.requests_per_minute
    )
    client = DefiLlamaClient(
        settings.defillama_api_url,
        settings.defillama_stablecoins_url,
        budget=budget,
        concurrency=chosen.concurrency,
        proxies=settings.proxies,
    )
    selection = Selection(chosen.top_chains, chosen.top_protocols, chosen.track, chosen.untrack)
    with closing(client):
        click.echo(
            f"calling {settings.defillama_api_url}, {settings.defillama_stablecoins_url} …",
            err=True,
        )
        catalogue, now = Catalogue(client), SystemClock().now()
        listed = read_listed(catalogue)
        for error in listed.errors:
            raise error
        tracked = tracked_ids(listed.subjects, selection)
        first = ranked(one for one in listed.subjects if one.subject_id in tracked)
        print_rows(
            "defillama_subjects",
            frames.subjects(listed.subjects, tracked, now).sort(
                "tvl_usd", descending=True, nulls_last=True
            ),
            limit,
        )
        capital = capital_of(catalogue, first)
        read_at = SystemClock().now()
        base = frames.capital_base(capital.rows, hour_of(read_at), read_at)
        print_rows("defillama_capital_base", base, limit)
        shown = [one for kind in (CHAIN, PROTOCOL) for one in _first(kind, first)]
        planned = plan(catalogue, shown, dict.fromkeys((*METRICS, *FLOWS)))
        last_day = last_complete_day(now)
        read = client.fetch_all(planned.ask, lambda key: planned.ask[key]())
        days = frames.daily_history(read.results, last_day, now)
        options = {
            key.subject_id: series.days[-1][1]
            for key, series in read.results.items()
            if key.metric == "options_volume" and series.days and series.days[-1][0] == last_day
        }
        figures = {
            DEFILLAMA_CAPITAL_FLOWS: flow_figures(shown, days, last_day),
            DEFILLAMA_ECONOMIC_THROUGHPUT: throughput_figures(
                catalogue, shown, days, options, last_day=last_day, today=now.date()
            ),
        }
        for table, rows in figures.items():
            made = hourly(table, rows, failed=(), last_day=last_day, now=SystemClock().now())
            print_rows(table.name, made, limit)
        print_rows("defillama_daily_history", days.sort("day", descending=True), limit)
    print_rejected({**listed.left_out, **capital.left_out})
    refuse_failures(
        capital.failed
        | {metric: str(error) for metric, error in planned.unknown.items()}
        | {f"{key.metric} of {key.subject_id}": str(why) for key, why in read.failures.items()}
    )


def _first(kind: str, subjects: list[Tracked]) -> list[Tracked]:
    return [one for one in subjects if one.kind == kind][:1]
