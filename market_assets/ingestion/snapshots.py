"""What was read whole takes the place of what is stored; a part is merged into it.

A venue's whole list says by what it leaves out what there is no more. One of which rows could not
be read, or that lacks more than a few of those known, speaks only of what it names: what it leaves
out stays, and the run says so, until the list is whole again or somebody takes it by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.storage.common.changes import Change, Merge, Replace

if TYPE_CHECKING:
    import polars as pl

    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.runs import IngestionRun
    from market_assets.tables import TableSpec

MOST_GONE: Final = 0.05
"""A list that lacks a greater share of the stored rows is not believed."""
FEW_GONE: Final = 20
"""So many rows may go whatever share they are."""


def replace_whole(
    store: Store,
    table: TableSpec,
    frame: pl.DataFrame,
    *,
    unreadable: int,
    believe: bool = False,
    run: IngestionRun | None = None,
) -> Written:
    """Make the table the frame, or merge it where it is a part.

    Args:
        store: where the table is.
        table: which one.
        frame: all rows that were read.
        unreadable: rows of the list that could not be read.
        believe: whatever the list lacks is deleted, however much it is.
        run: counts the rows; `left_out` says what stays in spite of the list.
    """
    stored = store.read(f"select {', '.join(table.key)} from {table.name}")  # noqa: S608 - names of the spec
    gone = stored.join(frame, on=list(table.key), how="anti").height
    too_many = gone > FEW_GONE and gone > MOST_GONE * stored.height
    change: Change = Replace(table, frame)
    if gone and not believe and (unreadable or too_many):
        change = Merge(table, frame)
        if run is not None:
            why = f"{unreadable} rows could not be read" if unreadable else "too many to be gone"
            run.left_out = {
                **run.left_out,
                "what is gone": f"{gone} of {stored.height} rows are not in the answer: {why}",
            }
    return store.write(change, runs=() if run is None else (run,))[0]
