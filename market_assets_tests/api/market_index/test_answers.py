"""The index answers what a look at every row would answer, whatever was published before."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from market_assets.api.market_index import places as looking
from market_assets.api.market_index import refresh
from market_assets.api.market_index.index import Index
from market_assets.api.market_index.places import places
from market_assets.api.market_index.refresh import refreshed
from market_assets.storage.files.published import Published, Snapshot
from market_assets_tests.api.market_index.files import Market, found, publish, wanted

# A few pieces, so that words are found; of each kind, and some that lowering makes others of.
PIECES = st.sampled_from(
    ["a", "b", "Ab", "bcda", "0", "-", "-", " ", " ", "$", "é", "İ", "ẞ", "Σ", "😀"]
) | st.sampled_from(["%", "_", "\\", "'", "?", "\n", "\t", "\u00a0", "\0", "\x7f"])
TEXTS = st.none() | st.lists(PIECES, max_size=8).map("".join)
IDS = st.sampled_from(
    [
        *("0x" + f"{number:08x}" * 8 for number in range(12)),
        *("0x" + "00000001" * 7 + f"{number:08x}" for number in range(2, 5)),  # begin alike
        "0x" + "0" * 62,  # a combo
    ]
)
ODD_IDS = st.sampled_from(["", "x", "0x", "0x1", "0X00000001", "1e3", "0x0000000z", "é"])
VOLUMES = st.sampled_from([None, 0.0, -0.0, 1.0, 0.1, 0.1 + 1e-12, 0.1 + 2e-12]) | st.floats()
MARKETS = st.lists(
    st.builds(
        Market,
        condition_id=IDS | ODD_IDS,
        question=TEXTS,
        slug=TEXTS,
        closed=st.none() | st.booleans(),
        is_listed=st.none() | st.booleans(),
        volume_24h_usd=VOLUMES,
        volume_usd=VOLUMES,
    ),
    unique_by=lambda market: market.condition_id,
    max_size=20,
)
WORDS = st.lists(PIECES, min_size=1, max_size=3).map("".join)
QUESTIONS = st.lists(
    st.lists(WORDS, min_size=1, max_size=2)
    .map(lambda words: " ".join(words).lower().split())
    .filter(bool),
    min_size=3,
    max_size=8,
)


def history(first: Sequence[Market], others: Sequence[Sequence[Market]]) -> list[list[Market]]:
    """Publications: each leaves some of the last one's rows as they were, changed or moved."""
    versions = [list(first)]
    for changes in others:
        changed = {market.condition_id for market in changes}
        versions.append([m for m in versions[-1] if m.condition_id not in changed] + list(changes))
        if len(changes) % 3 == 0:
            versions[-1] = versions[-1][len(changes) :]
    return versions


def nothing() -> None:
    """Does not stop."""


@given(
    first=MARKETS,
    others=st.lists(MARKETS, max_size=3),
    questions=QUESTIONS,
    limit=st.integers(1, 30),
    texts=st.sampled_from([2, 5, 100]),
)
def test_it_answers_as_a_look_at_every_row_does(
    first: list[Market],
    others: list[list[Market]],
    questions: list[list[str]],
    limit: int,
    texts: int,
) -> None:
    """After each of several publications, with the new index and, meanwhile, with the last one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(refresh, "MOST_TEXTS", texts),
        mock.patch.object(refresh, "_TEXTS", 3),
        mock.patch.object(refresh, "_ROWS", 4),
        mock.patch.object(refresh, "_MOST_NAMED", 2),
        mock.patch.object(looking, "_MOST_NAMED", 12),
    ):
        path = Path(folder) / "market.duckdb"
        published, before = Published(path), None
        expected: dict[str, list[str]] = {}
        for markets in history(first, others):
            publish(path, markets)
            with published.snapshot() as snapshot:
                if before is not None:
                    for words in questions:
                        _older_index_holds(snapshot, before, markets, words, expected)
                index = refreshed(before, snapshot, nothing)
                assert index.live == len(markets)
                for words in questions:
                    answer = wanted(snapshot, markets, words)
                    expected[" ".join(words)] = answer
                    for way in (index, None):
                        lying = places(snapshot, way, words, limit)
                        assert found(snapshot, lying) == answer[:limit], (words, way)
                before = index
        published.close()


ALIKE = st.sampled_from([(None,), (None, 0.0), (0.1, 0.1 + 1e-12), (None, 0.0, 0.1)]).flatmap(
    lambda some: st.lists(
        st.tuples(st.sampled_from(some), st.sampled_from(some)), min_size=15, max_size=15
    )
)


@given(
    ids=st.lists(IDS, unique=True, min_size=4, max_size=12),
    odd=st.lists(ODD_IDS, unique=True, max_size=3),
    volumes=ALIKE,
    limit=st.integers(1, 6),
    texts=st.sampled_from([1, 3, 100]),
)
def test_markets_that_were_traded_alike_are_in_the_order_of_their_ids(
    ids: list[str],
    odd: list[str],
    volumes: list[tuple[float | None, float | None]],
    limit: int,
    texts: int,
) -> None:
    """Whether the index can tell it or the file has to, and in whichever segments they are."""
    markets = [
        Market(one, volume_24h_usd=day, volume_usd=total)
        for one, (day, total) in zip([*ids, *odd], volumes, strict=False)
    ]
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(refresh, "MOST_TEXTS", texts):
        path = Path(folder) / "market.duckdb"
        publish(path, markets)
        published = Published(path)
        with published.snapshot() as snapshot:
            index = refreshed(None, snapshot, nothing)
            lying = found(snapshot, places(snapshot, index, ["rain"], limit))
            assert lying == wanted(snapshot, markets, ["rain"])[:limit]
        published.close()


def _older_index_holds(
    snapshot: Snapshot,
    index: Index,
    markets: Sequence[Market],
    words: Sequence[str],
    before: dict[str, list[str]],
) -> None:
    """What had the words before and has them still, where and as it is now, in today's order."""
    answer = wanted(snapshot, markets, words)
    known = set(before[" ".join(words)])
    lying = found(snapshot, places(snapshot, index, words, 1000))
    assert set(lying) <= set(answer)
    assert lying in ([one for one in answer if one in known], answer)
    few = found(snapshot, places(snapshot, index, words, 2))
    assert set(few) <= set(answer)
    assert len(few) >= min(2, len([one for one in answer if one in known]))
