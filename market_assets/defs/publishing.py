"""Publishing what a run wrote.

A run of the daemon publishes when it ends, at the store's pace: a publication that fails is no
failure of what the run was to bring, and `storage/published` tells of it. A run that somebody
started by hand publishes in each of its steps, because what fails when a run has ended fails
nothing: Dagster only logs it, and the command would end with 0.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import dagster as dg

from market_assets.defs.expected import told_in_a_line
from market_assets.storage.api import Store
from market_assets.storage.common.errors import StoreError


class NotPublished(dg.Failure):
    """The rows of a step are in the live database, and those who read do not see them."""

    def __init__(self, store: Store, error: StoreError) -> None:
        super().__init__(
            f"what was written is in {store.place}, and not published: {error}",
            allow_retries=False,
        )


def is_by_hand(run: dg.DagsterRun | None) -> bool:
    """Whether a run was started by a command, not by the daemon or the UI."""
    return run is None or run.remote_job_origin is None


def publishes(step: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a step that writes: by hand, what it wrote is published before it ends.

    Its results are told first, so that a step whose publication fails has brought what it has.
    """

    def by_hand() -> bool:
        return is_by_hand(dg.OpExecutionContext.get().run)

    @wraps(step)
    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yield from step(*args, **kwargs)
        if by_hand():
            publish_now(kwargs["store"])

    @wraps(step)
    def function(*args: Any, **kwargs: Any) -> Any:
        result = step(*args, **kwargs)
        return _told_then_published(result, kwargs["store"]) if by_hand() else result

    # Dagster asks the function itself which of the two it is.
    return generator if inspect.isgeneratorfunction(step) else function


def publish_now(store: Store) -> None:
    """Publish at the end of a step that was started by hand.

    Raises:
        NotPublished: it failed; what was written stays written.
    """
    with told_in_a_line():
        try:
            store.publish(force=True)
        except StoreError as error:
            raise NotPublished(store, error) from None


def _told_then_published(result: Any, store: Store) -> Iterator[Any]:
    yield dg.Output(None) if result is None else result
    publish_now(store)
