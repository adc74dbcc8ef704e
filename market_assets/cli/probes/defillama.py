"""`probe defillama`: the first subjects, the capital behind them and a series of each kind."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from market_assets.cli.probes.printing import print_rejected, print_rows
from market_assets.clock import SystemClock
from market_assets.ingestion.defillama.base import capital_of
from market_assets.ingestion.defillama.catalogue import FLOWS, Catalogue
from market_assets.ingestion.defillama.plan import last_complete_day, plan
from market_assets.ingestion.defillama.rows import hour_of
from market_assets.ingestion.defillama.subjects import Selection, ranked, read_listed, tracked_ids
from market_assets.sources.defillama import frames
from market_assets.sources.defillama.client import DefiLlamaClient, request_budget
from market_assets.sources.defillama.subjects import CHAIN, PROTOCOL
from market_assets.tables.defillama import METRICS

if TYPE_CHECKING:
    from market_assets.settings import Settings


def probe_defillama(settings: Settings, limit: int) -> None:
    """The lists, and the daily series of the first chain and the first protocol, as written."""
    chosen = settings.defillama
    # The budget is shared with what is running; its file is the only thing that is touched.
    budget = request_budget(
        settings.state_dir / "defillama.budget", per_minute=chosen.requests_per_minute
    )
    client = DefiLlamaClient(
        settings.defillama_api_url,
        settings.defillama_stablecoins_url,
        budget=budget,
        concurrency=chosen.concurrency,
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
        base = frames.capital_base(capital.rows, hour_of(now), now)
        print_rows("defillama_capital_base", base, limit)
        shown = [
            next((one for one in first if one.kind == kind), None) for kind in (CHAIN, PROTOCOL)
        ]
        planned = plan(catalogue, [one for one in shown if one], dict.fromkeys((*METRICS, *FLOWS)))
        last_day = last_complete_day(now)
        read = client.fetch_all(planned.ask, lambda key: planned.ask[key]())
        days = frames.daily_history(read.results, last_day, now)
        print_rows("defillama_daily_history", days.sort("day", descending=True), limit)
        errors = {key: str(error) for key, error in read.failures.items()}
        series = frames.series_reads(read.results, errors, last_day, now)
        print_rows("defillama_series_reads", series, len(series))
    print_rejected(
        {**listed.left_out, **capital.left_out, **capital.failed}
        | {metric: str(error) for metric, error in planned.unknown.items()}
    )
