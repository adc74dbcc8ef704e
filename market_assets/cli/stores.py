"""The database as the commands that write open it, and publish it when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from market_assets.storage import opening

if TYPE_CHECKING:
    from market_assets.settings import Settings
    from market_assets.storage.api import Store


def publish_what_was_written(store: Store) -> None:
    """Publish at the end of a command that has written.

    Raises:
        NotDoneError: it failed; what was written stays written.
    """
    from market_assets.cli.errors import NotDoneError  # noqa: PLC0415 - `--help` need not pay
    from market_assets.storage.common.errors import StoreError  # noqa: PLC0415

    try:
        store.publish(force=True)
    except StoreError as error:
        raise NotDoneError(
            f"what was written is in {store.place}, and not published: {error}"
        ) from error


def open_store(
    settings: Settings, *, upstream: Literal["live", "simulated"] | None = None
) -> Store:
    """The store that the settings name.

    Args:
        settings: the project's.
        upstream: whose rows are to be written; None: none of a venue's.
    """
    return opening.open_store(
        settings.market_db,
        lock_wait=settings.lock_wait,
        publish_bytes_per_second=settings.publish_bytes_per_second,
        upstream=upstream,
        archive=settings.archive,
        archive_limit=settings.archive_limit_bytes,
    )
