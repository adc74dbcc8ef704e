"""One signal for a case, and the same one for the same rows."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.features.polymarket_signals.cases import (
    INSTANT,
    POINT,
    TOLD,
    begun,
    signal_id,
)

from .rows import HOUR, MINUTE, NOBODY, NOW, SECOND, told

KIND = "book_imbalance"
WITHIN = 5 * MINUTE


def _points(*scores: float | None, step: timedelta = MINUTE, **columns: object) -> pl.DataFrame:
    """Scores of a token, the last of them now."""
    rows = [
        {
            "condition_id": "0xa",
            "token_id": "a-yes",
            "at": NOW - step * (len(scores) - 1 - i),
            "score": score,
            **columns,
        }
        for i, score in enumerate(scores)
    ]
    more = {name: pl.Series([value]).dtype for name, value in columns.items()}
    return pl.DataFrame(rows, schema={**POINT, **more})


def _begun(points: pl.DataFrame, before: pl.DataFrame = NOBODY) -> pl.DataFrame:
    return begun(KIND, points, threshold=0.8, told=before, as_of=NOW, within=WITHIN)


def test_a_score_at_the_threshold_is_told_of() -> None:
    row = _begun(_points(0.1, 0.8, heavy_side="bid")).row(0, named=True)
    assert (row["kind"], row["condition_id"], row["token_id"]) == (KIND, "0xa", "a-yes")
    assert (row["as_of"], row["score"], row["threshold"]) == (NOW, 0.8, 0.8)
    assert json.loads(row["detail"]) == {"heavy_side": "bid"}
    assert row["symbol"] is None
    assert row["signal_id"] == signal_id(KIND, "0xa", "a-yes", "2026-11-20T12:00:00.000000+00:00")


def test_below_it_nothing_is_told() -> None:
    assert _begun(_points(0.9, 0.79)).is_empty()
    assert _begun(_points(0.9, None)).is_empty()
    assert _begun(_points()).is_empty()


def test_a_case_that_goes_on_is_not_told_again() -> None:
    before = told(KIND, 2 * MINUTE, "a-yes")
    assert _begun(_points(0.1, 0.9, 0.85, 0.9), before).is_empty()


def test_a_case_that_was_over_is_told_anew() -> None:
    before = told(KIND, 2 * MINUTE, "a-yes")
    assert _begun(_points(0.9, 0.9, 0.7, 0.9), before)["as_of"].to_list() == [NOW]


def test_what_is_not_known_ends_no_case() -> None:
    before = told(KIND, 2 * MINUTE, "a-yes")
    assert _begun(_points(0.9, 0.9, None, 0.9), before).is_empty()


def test_a_case_of_long_ago_goes_on_while_it_holds() -> None:
    before = told(KIND, 5 * HOUR, "a-yes")
    assert _begun(_points(*[0.9] * 70), before).is_empty()
    assert _begun(_points(*[0.9] * 50, 0.1, 0.9), before).height == 1


def test_a_score_from_before_the_hour_is_not_looked_at() -> None:
    before = told(KIND, 5 * HOUR, "a-yes")
    assert _begun(_points(0.1, *[0.9] * 60), before).is_empty()
    assert _begun(_points(0.1, *[0.9] * 59), before).height == 1


def test_signals_of_others_are_of_others() -> None:
    points = _points(0.9, 0.9)
    for before in (
        told("price_jump", MINUTE, "a-yes"),
        told(KIND, MINUTE, "a-no"),
        told(KIND, MINUTE, None),
        told(KIND, MINUTE, "a-yes", "0xb"),
        told(KIND, -MINUTE, "a-yes"),
    ):
        assert _begun(points, before).height == 1
    of_the_market = points.with_columns(token_id=pl.lit(None, pl.String))
    assert _begun(of_the_market, told(KIND, MINUTE, None)).is_empty()


def test_a_score_that_is_old_is_none_of_now() -> None:
    late = _points(0.9).with_columns(at=pl.lit(NOW - WITHIN).cast(INSTANT))
    assert _begun(late).height == 1
    too_late = late.with_columns(pl.col("at") - SECOND)
    assert _begun(too_late).is_empty()


def test_symbol_and_instant_of_the_newest_row_are_columns_of_their_own() -> None:
    row = _begun(_points(0.9, symbol="BTC", made_at=NOW - SECOND)).row(0, named=True)
    assert (row["symbol"], row["as_of"], row["detail"]) == ("BTC", NOW - SECOND, "{}")


def test_ids_differ_by_all_that_identifies() -> None:
    ids = {
        signal_id(kind, market, token, at)
        for kind in ("price_jump", KIND)
        for market in ("0xa", "0xb")
        for token in ("a-yes", "a-no", None)
        for at in ("1", "2")
    }
    assert len(ids) == 24


SCORES = st.lists(st.sampled_from([0.1, 0.5, 0.8, 0.95, None]), min_size=1, max_size=40)


@settings(deadline=None)
@given(SCORES, st.integers(1, 5))
def test_runs_minute_by_minute_tell_of_each_case_once(
    scores: list[float | None], every: int
) -> None:
    """However often it is looked: no two signals without a score below the threshold between."""
    step = 30 * SECOND
    points = _points(*scores, step=step)
    before, instants = NOBODY, []
    for looks in range(0, len(scores), every):
        as_of = NOW - step * (len(scores) - 1 - looks)
        found = begun(KIND, points, threshold=0.8, told=before, as_of=as_of, within=WITHIN)
        instants += found["as_of"].to_list()
        made = found.select("kind", "condition_id", "token_id", told_at="as_of")
        before = pl.concat([before, made])
        again = begun(KIND, points, threshold=0.8, told=before, as_of=as_of, within=WITHIN)
        assert again.is_empty()
    at = dict(points.select("at", "score").iter_rows())
    for earlier, later in pairwise(instants):
        between = [s for t, s in at.items() if earlier < t < later and s is not None]
        assert any(score < 0.8 for score in between)
    assert all(at[instant] is not None and at[instant] >= 0.8 for instant in instants)


@settings(deadline=None)
@given(SCORES, st.integers(0, 39))
def test_what_comes_later_changes_nothing(scores: list[float | None], back: int) -> None:
    points, as_of = _points(*scores), NOW - MINUTE * back
    known = points.filter(pl.col("at") <= as_of)
    whole, part = (
        begun(KIND, rows, threshold=0.8, told=pl.DataFrame(schema=TOLD), as_of=as_of, within=WITHIN)
        for rows in (points, known)
    )
    assert whole.equals(part)
