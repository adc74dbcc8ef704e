"""Failures that are expected: a venue is down, the database is locked, an input is not there yet.

They are told in a line, without the stack through Dagster and the HTTP library, which says nothing
about the venue and hides the line that does. What nobody expects keeps its stack.
"""

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

import dagster as dg
from dagster._core.errors import DagsterUserCodeProcessError  # not exported
from dagster_shared.error import SerializableErrorInfo

from market_assets.sources.errors import VenueError
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.runs import without_secrets

P = ParamSpec("P")
R = TypeVar("R")

_EXPECTED = (VenueError, StoreError, dg.Failure)


class ExpectedFailure(DagsterUserCodeProcessError, dg.Failure):  # noqa: N818 - a dg.Failure
    """A step has failed as it may: Dagster keeps its description and no stack.

    Dagster takes over the error that an exception of its own class brings along, instead of writing
    down where that exception was raised.
    """

    def __init__(self, kind: type[BaseException], description: str, metadata: Any = None) -> None:
        """Make a failure.

        Args:
            kind: the class of what went wrong; `status` and `ingestion_runs` name it.
            description: one line.
            metadata: more about it, for the UI.
        """
        line = without_secrets(description)
        # As Dagster would write it down: it is taken apart again by `health/failures.py`.
        said = SerializableErrorInfo(
            f"{kind.__module__}.{kind.__qualname__}: {line}", [], kind.__name__
        )
        DagsterUserCodeProcessError.__init__(self, line, user_code_process_error_infos=[said])  # type: ignore[no-untyped-call]
        dg.Failure.__init__(self, line, metadata, allow_retries=False)


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """What may go wrong inside is raised as an `ExpectedFailure`."""
    try:
        yield
    except ExpectedFailure:
        raise
    except _EXPECTED as error:
        metadata = error.metadata if isinstance(error, dg.Failure) else None
        said = (error.description or "") if isinstance(error, dg.Failure) else str(error)
        raise ExpectedFailure(type(error), said, metadata) from None


def fails_in_a_line(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate the function of an asset, a check or an op: below its own decorator."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, Any]:
            with told_in_a_line():
                return (yield from function(*args, **kwargs))

        return cast("Callable[P, R]", generator)

    @functools.wraps(function)
    def plain(*args: P.args, **kwargs: P.kwargs) -> R:
        with told_in_a_line():
            return function(*args, **kwargs)

    return plain
