"""Signals as messages: each once, whatever is read twice, and what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from market_assets.operations.alerts.message import body, text_of
from market_assets.operations.alerts.signal import Signal
from market_assets.operations.alerts.signals import (
    OVERLAP,
    SignalMemory,
    message_of,
    recall_signals,
    take,
)

from .examples import MINUTE, NOW

JUMP = Signal(
    signal_id="s1",
    kind="price_jump",
    condition_id="0xa",
    token_id="1",
    symbol="BTC",
    as_of=NOW - MINUTE,
    score=7.5,
    threshold=5.0,
    detail='{"mid": 0.4}',
    found_at=NOW,
    question="Will Bitcoin be above $100k?",
)


def _found(signals: list[Signal], memory: SignalMemory) -> list[Signal]:
    """What the database gives for a memory."""
    return [one for one in signals if one.found_at > memory.since]


def test_a_signal_that_is_read_again_is_told_once() -> None:
    memory = take(recall_signals(None, NOW), [JUMP], NOW)
    assert [m.signal for m in memory.outbox.waiting] == [JUMP]
    again = take(memory, [JUMP, replace(JUMP, signal_id="s2")], NOW + MINUTE)
    assert [m.signal.signal_id for m in again.outbox.waiting if m.signal] == ["s1", "s2"]


def test_the_memory_outlives_its_text() -> None:
    memory = take(recall_signals(None, NOW), [JUMP], NOW)
    assert recall_signals(memory.as_text(), NOW + MINUTE) == memory


def test_a_memory_that_cannot_be_read_begins_anew() -> None:
    assert recall_signals("{not json", NOW) == SignalMemory(read_to=NOW)
    assert recall_signals('{"read_to": 7}', NOW) == SignalMemory(read_to=NOW)


def test_without_a_memory_the_last_minutes_are_read() -> None:
    assert recall_signals(None, NOW).since == NOW - OVERLAP


@given(
    st.lists(st.integers(0, 3600), max_size=30, unique=True),
    st.lists(st.integers(1, 900), min_size=1, max_size=12),
)
def test_however_evaluations_fall_each_signal_is_told_once(
    seconds: list[int], pauses: list[int]
) -> None:
    signals = [
        replace(JUMP, signal_id=f"s{s}", found_at=NOW + timedelta(seconds=s))
        for s in sorted(seconds)
    ]
    memory, now, told = recall_signals(None, NOW), NOW, list[str]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        there = [one for one in signals if one.found_at <= now]
        memory = take(memory, _found(there, memory), now)
        told += [m.signal.signal_id for m in memory.outbox.waiting if m.signal]
        memory = replace(memory, outbox=replace(memory.outbox, waiting=()))
        memory = recall_signals(memory.as_text(), now)
    assert sorted(told) == sorted(s.signal_id for s in signals if s.found_at <= now)


def test_people_read_what_and_where_and_programs_all_of_it() -> None:
    message = message_of(JUMP, NOW)
    assert text_of(message, ui_url="http://ui") == (
        "🔵 price_jump 7.5 (from 5 on): Will Bitcoin be above $100k?\n"
        "BTC, 2026-11-20 11:59:00 UTC\n"
        '{"mid": 0.4}'
    )
    said = json.loads(body(message, url="https://example.com/hook", ui_url="http://ui"))
    assert (said["event"], said["kind"], said["signalId"]) == ("signal", "price_jump", "s1")
    assert (said["conditionId"], said["tokenId"], said["symbol"]) == ("0xa", "1", "BTC")
    assert (said["score"], said["threshold"], said["detail"]) == (7.5, 5.0, {"mid": 0.4})
    assert said["asOf"] == "2026-11-20T11:59:00+00:00"
    assert said["text"] == said["content"] == text_of(message, ui_url="http://ui")


def test_a_market_without_a_question_goes_by_its_id() -> None:
    message = message_of(replace(JUMP, question=None, symbol=None), NOW)
    text = text_of(message, ui_url="http://ui")
    assert "0xa" in text
    assert "no asset, " in text
    slack = json.loads(body(message, url="https://hooks.slack.com/x", ui_url="http://ui"))
    assert list(slack) == ["text"]
