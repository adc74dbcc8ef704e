"""What holds for any text: no error, nothing that is not listed, cashtags that stay."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.features.linking.linker import Linker, Subject
from market_assets.features.linking.vocabulary import aliases, denials
from market_assets_tests.features.linking.registry import FIRST_DEX, REGISTRY

LINKER = Linker(REGISTRY)
SYMBOLS = {listed.symbol for listed in REGISTRY}
PIECES = st.one_of(
    st.sampled_from([alias.text for alias in aliases()]),
    st.sampled_from([denial.text for denial in denials()]),
    st.sampled_from(["$", "-", "'s", "(", ")", "above $5", "FDV", "say", "the", "2027", "&", "@"]),
    st.text(max_size=8),
)
TEXTS = st.lists(PIECES, max_size=8).map(" ".join) | st.lists(PIECES, max_size=8).map("".join)


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.lists(PIECES, max_size=3), st.lists(PIECES, max_size=3))
def test_linking_never_raises_and_never_leaves_the_registry(
    question: str, slug: str, title: str, ids: list[str], tags: list[str]
) -> None:
    """Each symbol once, with a confidence between 0 and 1 and the text that says so."""
    subject = Subject("0x1", question, slug, title, slug, tuple(ids), tuple(tags))
    links = LINKER.links(subject)
    assert {link.symbol for link in links} <= SYMBOLS
    assert len({link.symbol for link in links}) == len(links)
    assert all(0 < link.confidence <= 1 and link.matched_text for link in links)


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from([s for s in FIRST_DEX if s != "SPX"]), st.booleans())
def test_a_cashtag_links_in_any_company(before: str, after: str, symbol: str, low: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """Whatever stands around it, in any case."""
    ticker = symbol.removeprefix("k")
    tag = f"${ticker.lower() if low else ticker}"
    found = {link.symbol for link in LINKER.links(Subject("0x1", f"{before} {tag} {after}"))}
    assert symbol in found
