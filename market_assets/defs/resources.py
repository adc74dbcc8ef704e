"""Dagster resources: they only configure, and hand plain objects over to assets and ops.

Proxies are no attributes of them: the UI shows those, and a proxy's address may hold a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource

from market_assets.clock import SystemClock
from market_assets.defs.publishing import is_by_hand
from market_assets.derived.inputs import FeatureInputs
from market_assets.process_identity import WORKER_TAG, ProcessIdentity
from market_assets.settings import Settings, load
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.weights import weight_budget
from market_assets.sources.limits import WeightBudget
from market_assets.sources.retry import FOR_A_BACKFILL, for_a_run
from market_assets.storage.api import Store
from market_assets.storage.common.errors import StoreError
from market_assets.storage.opening import open_store

if TYPE_CHECKING:
    from market_assets.sources.polymarket.clients import PolymarketClients


class MarketStore(DuckDBResource):
    """The market database. Assets receive a `Store`; `get_connection` is for a quick look.

    Attributes:
        database: the published file; the live file, locks and spool stand beside it in `live/`.
        lock_wait_s: how long to wait for the live file.
        publish_bytes_per_second: what publishing may copy, on average.
        upstream: whose rows are written, live or simulated; the database refuses the other one's.
        archive: where rows go that are past their retention; empty: nowhere.
        archive_limit: bytes beyond which its oldest day goes; 0: none.
    """

    lock_wait_s: float = 60.0
    publish_bytes_per_second: float = 1e6
    upstream: str = "live"
    archive: str = ""
    archive_limit: int = 0

    @classmethod
    def _is_dagster_maintained(cls) -> bool:
        return False

    def store(self) -> Store:
        """The store as a plain object."""
        return open_store(
            Path(self.database),
            lock_wait=timedelta(seconds=self.lock_wait_s),
            publish_bytes_per_second=self.publish_bytes_per_second,
            upstream="simulated" if self.upstream == "simulated" else "live",
            archive=Path(self.archive) if self.archive else None,
            archive_limit=self.archive_limit,
        )

    @contextmanager
    def get_connection(self) -> Iterator["duckdb.DuckDBPyConnection"]:
        """A read-only connection to the published file; it never stands in a writer's way."""
        connection = duckdb.connect(self.database, read_only=True, config=self.connection_config)
        try:
            connection.execute("set timezone = 'UTC'")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:
        """Hand over the store, and publish when the run ends (see `publishing.py`)."""
        _name_worker(context)
        store = self.store()
        try:
            yield store
        finally:
            try:
                store.publish(force=is_by_hand(context.run))
            except StoreError as error:
                if context.log is not None:
                    context.log.warning("not published: %s", error)


class HyperliquidApi(dg.ConfigurableResource[Any]):
    """Hyperliquid's info endpoint, within the request weight that all processes share.

    Attributes:
        base_url: where the venue is.
        budget_file: the file that holds the shared budget.
        weight_share: share of the venue's 1200 a minute that is used.
        user: whose requests they are counted as: runs or backfill.
    """

    base_url: str
    budget_file: str
    weight_share: float = 0.8
    user: str = "runs"

    def client(self, user: str) -> HyperliquidClient:
        """A client whose requests are counted as `user`'s: runs, stream or backfill."""
        return HyperliquidClient(
            self.base_url,
            budget=self.budget(),
            user=user,
            retries=for_a_run(),
            proxies=load().proxies,
        )

    def budget(self) -> WeightBudget:
        """The shared budget as a plain object."""
        return weight_budget(Path(self.budget_file), share=self.weight_share)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:  # noqa: ARG002 - Dagster's signature
        """Hand over a client, closed when the run ends."""
        client = self.client(self.user)
        try:
            yield client
        finally:
            client.close()


class PolymarketApi(dg.ConfigurableResource[Any]):
    """Polymarket's catalogue, trades and books, within the requests that all processes share.

    Attributes:
        gamma_url: the catalogue.
        data_url: trades and open interest.
        clob_url: books.
        budgets: the folder of the files that hold the shared budgets.
        concurrency: requests to a host at once, at most.
        user: whose requests they are counted as: runs or backfill.
        patient: waits for a host that is away, as nobody waits for the run.
    """

    gamma_url: str
    data_url: str
    clob_url: str
    budgets: str
    concurrency: int = 4
    user: str = "runs"
    patient: bool = False

    def clients(self) -> "PolymarketClients":
        """The clients as a plain object."""
        from market_assets.sources.polymarket.clients import (  # noqa: PLC0415 - 0.15 s
            PolymarketUrls,
            polymarket_clients,
        )

        return polymarket_clients(
            PolymarketUrls(self.gamma_url, self.data_url, self.clob_url),
            Path(self.budgets),
            user=self.user,
            concurrency=self.concurrency,
            retries=FOR_A_BACKFILL if self.patient else for_a_run(),
            proxies=load().proxies,
        )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:  # noqa: ARG002 - Dagster's signature
        """Hand over clients, closed when the run ends."""
        clients = self.clients()
        try:
            yield clients
        finally:
            clients.close()


class DefillamaApi(dg.ConfigurableResource[Any]):
    """DefiLlama's lists and series, within the requests that all processes share.

    Attributes:
        base_url: where TVL, fees and volumes are.
        stablecoins_url: where stablecoins are.
        budget_file: the file that holds the shared budget.
        requests_per_minute: what all processes together may ask for.
        concurrency: requests at once, at most.
    """

    base_url: str
    stablecoins_url: str
    budget_file: str
    requests_per_minute: int = 200
    concurrency: int = 4

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:  # noqa: ARG002 - Dagster's signature
        """Hand over a catalogue, whose lists are read once a run; its client is closed after it."""
        from market_assets.ingestion.defillama.catalogue import Catalogue  # noqa: PLC0415 - its own
        from market_assets.sources.defillama.client import (  # noqa: PLC0415 - runs pay for it
            DefiLlamaClient,
            request_budget,
        )

        client = DefiLlamaClient(
            self.base_url,
            self.stablecoins_url,
            budget=request_budget(Path(self.budget_file), per_minute=self.requests_per_minute),
            concurrency=self.concurrency,
            retries=for_a_run(),
            proxies=load().proxies,
        )
        try:
            yield Catalogue(client)
        finally:
            client.close()


def _name_worker(context: dg.InitResourceContext) -> None:
    """Let the run's tags say which process it is, where its launcher has not (from a shell)."""
    worker = ProcessIdentity.of()
    if context.run is None or context.instance is None or worker is None:
        return
    if context.run.tags.get(WORKER_TAG) != str(worker):
        context.instance.add_run_tags(context.run.run_id, {WORKER_TAG: str(worker)})


def resources(settings: Settings) -> dict[str, Any]:
    """The resources by name, as the settings have them."""
    return {
        "settings": dg.ResourceDefinition.hardcoded_resource(settings),
        "store": market_store(settings),
        "hyperliquid": hyperliquid_api(settings),
        "hyperliquid_backfill": hyperliquid_api(settings, user="backfill"),
        "polymarket": polymarket_api(settings),
        "polymarket_backfill": polymarket_api(settings, user="backfill"),
        "defillama": defillama_api(settings),
        "feature_inputs": feature_inputs,
    }


def market_store(settings: Settings) -> MarketStore:
    """The database that the settings name."""
    return MarketStore(
        database=str(settings.market_db),
        lock_wait_s=settings.lock_wait.total_seconds(),
        publish_bytes_per_second=settings.publish_bytes_per_second,
        upstream=settings.upstream,
        archive="" if settings.archive is None else str(settings.archive),
        archive_limit=settings.archive_limit_bytes,
    )


@dg.resource(
    required_resource_keys={"store"},
    description="What the features of a run are computed from: read once, when first asked for.",
)
def feature_inputs(context: dg.InitResourceContext) -> FeatureInputs:
    """One read of the store for all features of a run."""
    return FeatureInputs(context.resources.store, SystemClock())


def hyperliquid_api(settings: Settings, *, user: str = "runs") -> HyperliquidApi:
    """The venue that the settings name; `user` is on whose account its weight is spent."""
    return HyperliquidApi(
        base_url=settings.hyperliquid_api_url,
        budget_file=str(settings.machine.budget("hyperliquid")),
        weight_share=settings.weight_share,
        user=user,
    )


def polymarket_api(settings: Settings, *, user: str = "runs") -> PolymarketApi:
    """The hosts that the settings name; `user` is on whose account their weight is spent."""
    return PolymarketApi(
        gamma_url=settings.polymarket_gamma_url,
        data_url=settings.polymarket_data_url,
        clob_url=settings.polymarket_clob_url,
        budgets=str(settings.machine.folder),
        concurrency=settings.polymarket.concurrency,
        user=user,
        patient=user == "backfill",
    )


def defillama_api(settings: Settings) -> DefillamaApi:
    """The hosts and limits that the settings name."""
    return DefillamaApi(
        base_url=settings.defillama_api_url,
        stablecoins_url=settings.defillama_stablecoins_url,
        budget_file=str(settings.machine.budget("defillama")),
        requests_per_minute=settings.defillama.requests_per_minute,
        concurrency=settings.defillama.concurrency,
    )
