"""Which sources are on, what of theirs there is then, and the words for what is off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market_assets import switches
from market_assets.channels import BACKFILLS, CHANNELS, Channel
from market_assets.switches import LOOKS_AT, NAMES, Off, Switches, footnote
from market_assets.tables import TABLES

HERE = ("hyperliquid", "polymarket", "defillama")


def test_every_channel_backfill_and_table_of_a_source_begins_with_its_name() -> None:
    """By that a switch knows whose a job, an asset or a table is."""
    made_of_rows = {asset for one in CHANNELS for asset in one.assets if asset in LOOKS_AT}
    assert made_of_rows == LOOKS_AT.keys()
    for channel in CHANNELS:
        if channel.assets[0] in LOOKS_AT:
            assert channel.source not in NAMES
            assert channel.job.startswith(channel.assets[0])
            continue
        if channel.source == "history":  # the project's own: of a source, or of none
            assert channel.job == f"{channel.assets[0]}_refresh"
            continue
        assert channel.source in NAMES, channel.label
        for name in (channel.job, *channel.assets):
            assert name.startswith(f"{channel.source}_"), name
    for backfill in BACKFILLS:
        for name in (backfill.asset, backfill.table):
            assert name.startswith(f"{backfill.source}_"), name
    own = {table.name for table in TABLES if table.name.partition("_")[0] not in NAMES}
    assert own == {"data_completeness", "ingestion_runs", "ingestion_gaps", "ingestion_lists"}


@pytest.mark.parametrize("source", HERE)
def test_what_belongs_to_a_source_that_is_off_is_off(source: str) -> None:
    found = Switches(frozenset(HERE) - {source}, is_chosen=True)
    assert {channel.source for channel in found.channels} - {"history"} == set(HERE) - {source}
    assert found.off == (Off(source, "MARKET_SOURCES"),)
    assert not found.has(source)
    assert not found.has(f"{source}_anything")
    others = [one for one in HERE if one != source]
    assert all(found.has(name) for name in (*others, "run_history_prune", "storage", "other"))


def test_what_is_made_of_a_sources_rows_is_off_with_it() -> None:
    on, off = Switches(frozenset({"hyperliquid"})), Switches(frozenset(HERE) - {"hyperliquid"})
    for name in ("data_completeness", "data_completeness_refresh"):
        assert on.has(name)
        assert on.runs_by_itself(name)
        assert not off.has(name)
        assert not off.runs_by_itself(name)
    assert "history/completeness" in [one.label for one in on.channels]
    assert "history/completeness" not in [one.label for one in off.channels]
    assert [one.source for one in off.off] == ["hyperliquid"]


def test_a_stream_that_is_off_has_its_channel_polled() -> None:
    """And only while its source is on."""
    on = frozenset(HERE)
    streamed, polled = Switches(on), Switches(on, polled=frozenset({"polymarket"}))
    jobs = ("polymarket_stream", "polymarket_books_poll", "hyperliquid_stream")
    assert [streamed.runs_by_itself(job) for job in jobs] == [True, False, True]
    assert [polled.runs_by_itself(job) for job in jobs] == [False, True, True]
    off = Switches(on - {"polymarket"}, is_chosen=True, polled=frozenset({"polymarket"}))
    assert not any(off.runs_by_itself(job) for job in jobs[:2])
    assert (streamed.without_stream, polled.without_stream) == (frozenset(), {"polymarket"})
    assert len(polled.channels) == len(streamed.channels)


def test_a_source_that_this_version_does_not_have_is_neither_on_nor_off() -> None:
    assert Switches(frozenset(HERE)).off == ()
    none = Switches(frozenset({"evm"}), is_chosen=True)
    assert none.channels == ()
    assert [one.source for one in none.off] == list(HERE)


def test_a_channel_of_no_source_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Channel("assets", "prices", timedelta(minutes=1), ("asset_prices",), "prices_refresh")
    monkeypatch.setattr(switches, "CHANNELS", (*CHANNELS, own))
    assert Switches(frozenset()).channels == (own,)


def test_the_variable_that_turns_it_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that joins by itself its own, unless somebody has chosen."""
    tokens = Channel("evm", "tokens", timedelta(hours=1), ("evm_tokens",), "evm_tokens_refresh")
    monkeypatch.setattr(switches, "CHANNELS", (*CHANNELS, tokens))
    assert Switches(frozenset(HERE)).off == (Off("evm", "EVM_RPC_URLS"),)
    assert Switches(frozenset(HERE), is_chosen=True).off == (Off("evm", "MARKET_SOURCES"),)


def test_the_footnote_is_one_line() -> None:
    assert footnote(()) is None
    assert footnote((Off("polymarket", "MARKET_SOURCES"),)) == "off: polymarket (MARKET_SOURCES)"
    three = (Off("a", "THIS"), Off("b", "THAT"), Off("c", "THIS"))
    assert footnote(three) == "off: a, c (THIS); b (THAT)"
