"""Who is woken and when: examples, and what holds for any history."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.operations.alerts.policy import (
    AGREEING,
    ENOUGH,
    OF_THE_LAST,
    Message,
    Rules,
    State,
    decide,
)
from market_assets.operations.alerts.problems import SEVERITIES, Problem, rank
from market_assets_tests.operations.alerts.examples import MIDS, MINUTE, NOW

STALE = replace(MIDS, status="stale", severity="warning")
STREAM = replace(MIDS, key="hyperliquid/stream", channel="stream", title="the stream is down")


class Watch:
    """Evaluations a minute apart, and what they said."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.state = State(deployed_at=NOW)
        self.now = NOW

    def see(self, *problems: Problem, after: timedelta = MINUTE) -> list[str]:
        """One evaluation: kinds and keys of the messages."""
        return [
            f"{message.kind} {message.problem.key}" for message in self.say(*problems, after=after)
        ]

    def say(self, *problems: Problem, after: timedelta = MINUTE) -> list[Message]:
        """One evaluation: the messages."""
        self.now += after
        self.state, messages = decide(self.state, problems, self.now, self.rules)
        return messages


def test_an_alert_needs_two_evaluations_in_a_row() -> None:
    watch = Watch()
    assert watch.see(MIDS) == []
    assert watch.see() == []
    assert watch.see(MIDS) == []
    assert watch.see(MIDS) == ["alert hyperliquid/mids"]
    assert watch.see(MIDS) == []


def test_what_changes_its_status_is_the_same_incident() -> None:
    """Stale, then failed: not well for two evaluations, and told once."""
    watch = Watch()
    watch.see(STALE)
    (message,) = watch.say(MIDS)
    assert (message.severity, message.problem.status) == ("error", "failed")
    assert watch.see(STALE) == []


def test_two_evaluations_with_a_night_between_them_are_not_in_a_row() -> None:
    watch = Watch()
    watch.see(MIDS)
    assert watch.see(MIDS, after=timedelta(hours=8)) == []
    assert watch.see(MIDS) == ["alert hyperliquid/mids"]


def test_a_reminder_comes_when_its_time_has_come_and_not_before() -> None:
    watch = Watch()
    watch.see(MIDS)
    watch.see(MIDS)
    told = [watch.see(MIDS, after=timedelta(minutes=5)) for _ in range(6 * 12 * 2)]
    assert [n + 1 for n, said in enumerate(told) if said] == [72, 144]
    assert told[71] == ["reminder hyperliquid/mids"]


def test_one_recovery_with_the_time_that_it_took() -> None:
    watch = Watch()
    watch.see(MIDS)
    watch.see(MIDS)
    assert watch.see() == [], "once may be a blink"
    (message,) = watch.say()
    assert (message.kind, message.severity) == ("recovery", "error")
    assert message.duration == timedelta(minutes=3)
    assert watch.see() == []


def test_what_blinks_is_one_incident() -> None:
    watch = Watch()
    watch.see(MIDS)
    assert watch.see(MIDS) == ["alert hyperliquid/mids"]
    assert [watch.see(*seen) for seen in ([], [MIDS], [], [MIDS], [MIDS])] == [[]] * 5


def test_nobody_hears_the_end_of_what_nobody_was_told() -> None:
    watch = Watch()
    watch.see(MIDS)
    assert [watch.see() for _ in range(3)] == [[]] * 3
    assert watch.state.incidents == {}


def test_below_the_least_severity_nothing_is_sent_until_it_gets_worse() -> None:
    watch = Watch(Rules(least="error"))
    assert [watch.see(STALE) for _ in range(5)] == [[]] * 5
    assert watch.see(MIDS) == ["alert hyperliquid/mids"]


def test_a_severity_that_is_no_longer_wanted_is_not_told_the_end_of() -> None:
    watch = Watch()
    watch.see(STALE)
    watch.see(STALE)
    watch.rules = Rules(least="error")
    assert [watch.see() for _ in range(3)] == [[]] * 3


def test_without_a_webhook_nothing_is_told_and_with_one_everything_is() -> None:
    watch = Watch(Rules(muted=True))
    assert [watch.see(MIDS) for _ in range(5)] == [[]] * 5
    watch.rules = Rules()
    assert watch.see(MIDS) == ["alert hyperliquid/mids"]


def test_what_another_problem_explains_is_told_with_it() -> None:
    watch = Watch()
    mids = replace(MIDS, cause=STREAM.key)
    watch.see(mids, STREAM)
    (message,) = watch.say(mids, STREAM)
    assert (message.problem.key, message.also) == (STREAM.key, ("hyperliquid/mids",))


def test_what_outlives_its_cause_alerts_by_itself() -> None:
    watch = Watch()
    mids = replace(MIDS, cause=STREAM.key)
    watch.see(mids, STREAM)
    watch.see(mids, STREAM)
    assert watch.see(mids) == ["alert hyperliquid/mids"]
    assert watch.see(mids) == ["recovery hyperliquid/stream"]


def test_a_cause_that_nobody_is_told_of_explains_nothing() -> None:
    watch = Watch(Rules(least="error"))
    mids, cause = replace(MIDS, cause=STREAM.key), replace(STREAM, severity="warning")
    watch.see(mids, cause)
    assert watch.see(mids, cause) == ["alert hyperliquid/mids"]


def test_problems_that_explain_each_other_are_told() -> None:
    watch = Watch()
    one, other = replace(MIDS, cause=STREAM.key), replace(STREAM, cause=MIDS.key)
    watch.see(one, other)
    assert sorted(watch.see(one, other)) == ["alert hyperliquid/mids", "alert hyperliquid/stream"]


def test_what_is_given_time_is_told_when_its_time_is_over() -> None:
    watch = Watch()
    missing = replace(MIDS, status="missing", patience=timedelta(minutes=5))
    told = [watch.see(missing) for _ in range(8)]
    assert [n for n, said in enumerate(told) if said] == [5]
    watch = Watch()
    for _ in range(4):
        watch.see(missing)
    assert watch.see(missing, after=timedelta(days=-1)) == []
    told = [watch.see(missing) for _ in range(8)]
    assert [n for n, said in enumerate(told) if said] == [4], "a clock set back begins it anew"


def test_a_clock_that_is_set_back_does_not_put_off_the_reminder() -> None:
    watch = Watch()
    watch.see(MIDS)
    watch.see(MIDS)
    assert watch.see(MIDS, after=timedelta(days=-30)) == []
    told = [watch.see(MIDS, after=timedelta(minutes=5)) for _ in range(72)]
    assert [said for said in told if said] == [["reminder hyperliquid/mids"]]


def test_what_gets_worse_is_told_at_once() -> None:
    """Who is paged for errors only must not wait six hours for the reminder of a warning."""
    watch = Watch()
    watch.see(STALE)
    assert watch.see(STALE) == ["alert hyperliquid/mids"]
    (worse,) = watch.say(MIDS)
    assert (worse.kind, worse.severity, worse.since) == ("alert", "error", NOW + MINUTE)
    assert [watch.see(seen) for seen in (MIDS, STALE, MIDS, STALE)] == [[]] * 4, "told once"
    watch.see()
    (over,) = watch.say()
    assert (over.kind, over.severity) == ("recovery", "error")


def test_what_got_worse_because_of_something_else_is_told_with_that() -> None:
    watch = Watch()
    watch.see(STALE)
    watch.see(STALE)
    explained = replace(MIDS, cause=STREAM.key)
    assert watch.see(explained, STREAM) == []
    assert watch.see(explained, STREAM) == ["alert hyperliquid/stream"]


@pytest.mark.parametrize("every", [2, 3, 4])
def test_what_fails_now_and_then_is_told_once_in_a_day(every: int) -> None:
    """Never twice in a row; and it is not over as long as it comes back within the hour."""
    watch = Watch(Rules(reminder=timedelta(days=2)))
    said = [watch.see(*([MIDS] if minute % every == 0 else [])) for minute in range(1440)]
    told = [message for messages in said for message in messages]
    assert told == (["alert hyperliquid/mids"] if every < 4 else [])
    rest = [message for _ in range(65) for message in watch.see()]
    assert rest == (["recovery hyperliquid/mids"] if every < 4 else [])


@pytest.mark.parametrize(("bad", "of"), [(5, 30), (2, 4), (10, 20), (3, 55)])
def test_what_comes_and_goes_all_day_sends_a_handful_of_messages(bad: int, of: int) -> None:
    """A check that is red for five minutes in each half an hour sent 96."""
    watch = Watch()
    said = [watch.see(*([MIDS] if minute % of < bad else [])) for minute in range(1440)]
    told = [message.split()[0] for messages in said for message in messages]
    assert told[:2] == ["alert", "recovery"]
    assert told[2:] == ["alert", *["reminder"] * (len(told) - 3)]
    assert len(told) <= 7


def test_what_comes_back_the_next_day_is_a_new_incident() -> None:
    watch = Watch()
    for _ in range(2):
        assert [watch.see(MIDS) for _ in range(2)][1] == ["alert hyperliquid/mids"]
        assert [watch.see() for _ in range(2)][1] == ["recovery hyperliquid/mids"]
        watch.see(after=timedelta(hours=20))


KEYS = ("a", "b", "c")
PROBLEMS = st.builds(
    lambda severity, cause: (severity, cause),
    st.sampled_from(SEVERITIES),
    st.sampled_from((None, *KEYS)),
)
STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(KEYS), PROBLEMS),
        st.sampled_from([-7200, 0, 1, 60, 60, 60, 60, 300, 301, 7200, 40000]),
    ),
    max_size=40,
)


@pytest.mark.parametrize("least", ["info", "warning", "error", "critical"])
@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_whatever_happens(least: str, steps: list[tuple[dict[str, tuple], int]]) -> None:
    """The promises of the policy, over histories with clocks that jump.

    Nothing below the least severity; an alert only for what was seen twice in a row, or in three
    of the last eight evaluations; a second alert of an incident only where it is worse; reminders
    only after their span; each alert followed by at most one recovery, which says as much as the
    last message; what goes on in sight is told, or explained by something that is.
    """
    rules = Rules(least=least)  # type: ignore[arg-type]  # one of the four
    state, now = State(deployed_at=NOW), NOW
    told: dict[str, list[Message]] = defaultdict(list)
    seen: dict[str, int] = {}
    looks: list[set[str]] = []
    for present, seconds in steps:
        now += timedelta(seconds=seconds)
        in_a_row = state.evaluated_at is not None and abs(seconds) <= 300
        problems = [
            replace(MIDS, key=key, severity=severity, cause=cause)
            for key, (severity, cause) in present.items()
        ]
        state, messages = decide(state, problems, now, rules)
        looks = [*(looks if in_a_row else []), set(present)][-OF_THE_LAST:]
        seen = {key: (seen.get(key, 0) if in_a_row else 0) + 1 for key in present}
        for message in messages:
            key, before = message.problem.key, told[message.problem.key]
            assert rank(message.severity) >= rank(rules.least)
            assert message.duration >= timedelta(0)
            open_ = bool(before) and before[-1].kind != "recovery"
            if message.kind == "alert":
                assert not open_ or rank(message.severity) > rank(before[-1].severity)
                often = sum(key in look for look in looks) >= ENOUGH
                assert open_ or seen[key] >= AGREEING or often
            elif message.kind == "reminder":
                assert open_
                assert key in present
            else:
                assert open_
                assert key not in present
                assert message.severity == before[-1].severity
            before.append(message)
        for problem in problems:
            if seen[problem.key] < AGREEING or rank(problem.severity) < rank(rules.least):
                continue
            history = told[problem.key]
            is_told = bool(history) and history[-1].kind != "recovery"
            assert is_told or (problem.cause in present and problem.cause != problem.key)


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.integers(min_value=1, max_value=299), min_size=1, max_size=60),
    hours=st.floats(min_value=0.1, max_value=2),
)
def test_never_two_messages_of_an_incident_within_the_reminder_span(
    gaps: list[int], hours: float
) -> None:
    watch = Watch(Rules(reminder=timedelta(hours=hours)))
    times = [m.at for gap in gaps for m in watch.say(MIDS, after=timedelta(seconds=gap))]
    spans = [after - before for before, after in itertools.pairwise(times)]
    assert all(span >= watch.rules.reminder for span in spans)
