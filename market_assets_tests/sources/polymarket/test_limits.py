"""The three hosts' budgets: each published limit holds, for one route and for any mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from market_assets.clock import ManualClock
from market_assets.sources.limits import BudgetExhaustedError, WeightBudget
from market_assets.sources.polymarket import limits
from market_assets.sources.polymarket.limits import polymarket_budgets

from .venue import NOW

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("host", "weight", "requests"),
    [
        ("gamma", limits.EVENTS, 500),
        ("gamma", limits.MARKETS, 300),
        ("gamma", limits.TAGS, 200),
        ("gamma", limits.GAMMA_OTHER, 4000),
        ("data", limits.TRADES, 200),
        ("data", limits.DATA_OTHER, 1000),
        ("clob", limits.BOOKS, 500),
    ],
)
def test_a_route_gets_what_the_venue_allows_in_ten_seconds(
    tmp_path: Path, host: str, weight: int, requests: int
) -> None:
    """All of it for a share of 1, and not one request more."""
    clock = ManualClock(NOW)
    budget: WeightBudget = getattr(polymarket_budgets(tmp_path, share=1.0, clock=clock), host)
    budget.spend(weight * (requests - 1), "runs", wait=0)
    budget.spend(weight, "runs", wait=0)
    with pytest.raises(BudgetExhaustedError):
        budget.spend(weight, "runs", wait=0)
    clock.advance(10.01)
    budget.spend(weight * requests, "runs", wait=0)


def test_hosts_do_not_share_and_processes_do(tmp_path: Path) -> None:
    """A file a host; another client of the same folder finds what this one spent."""
    mine, theirs = polymarket_budgets(tmp_path), polymarket_budgets(tmp_path)
    mine.gamma.spend(100, "runs", wait=0)
    assert theirs.gamma.stats().spent == {"runs": 100}
    assert theirs.data.stats().spent == theirs.clob.stats().spent == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "polymarket_clob.budget",
        "polymarket_data.budget",
        "polymarket_gamma.budget",
    ]


def test_a_backfill_leaves_the_runs_their_part(tmp_path: Path) -> None:
    """Having taken all it can, it has left three tenths."""
    budget = polymarket_budgets(tmp_path, clock=ManualClock(NOW)).data
    budget.spend(budget.most("backfill"), "backfill", wait=0)
    with pytest.raises(BudgetExhaustedError):
        budget.spend(limits.TRADES, "backfill", wait=0)
    budget.spend(int(budget.per_window * 0.3), "runs", wait=0)
    assert budget.per_window == 800, "four fifths of what the venue allows"


def test_a_share_too_small_for_any_request_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"share of 0\.001 leaves 9 of polymarket's gamma host"):
        polymarket_budgets(tmp_path, share=0.001)
