"""How much memory the largest body costs: measured in a process of its own, so not a unit test.

That a large body is mapped, limited and let go is held by `sources/defillama/test_client.py`.
"""

from __future__ import annotations

import pytest

from benchmarks.defillama_memory import BODY_MB, GOAL_MB, measured


@pytest.mark.soak
def test_protocols_of_60_mb() -> None:
    """A run with them stays under 400 MB, Dagster included."""
    assert measured(BODY_MB)["peak_mb"] < GOAL_MB
