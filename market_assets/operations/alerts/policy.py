"""Who is woken, and when: a pure function of what was known, what is wrong now, and the time.

An incident begins when a problem is seen and ends when it is no longer; both count when two
evaluations in a row agree, so that a blink is neither an alert nor a recovery. What fails every
other minute is an incident too: three of the last eight evaluations saw it. One alert per incident,
another at once when it gets worse, a reminder each few hours, one message when it is over. What
comes and goes is restless: it is over after an hour without it, so that no problem sends a message
each time. What another open problem explains is told with that one, and alerts on its own only if
it outlives it.

Not here: what is wrong (`problems.py`), how it is said (`message.py`), sending (`delivery.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from market_assets.operations.alerts.problems import Problem, Severity, rank
from market_assets.operations.alerts.signal import Signal  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AGREEING: Final = 2
"""Evaluations in a row that make a problem an incident, or its absence a recovery."""
OF_THE_LAST: Final = 8
ENOUGH: Final = 3
"""So many of the last evaluations make a problem an incident, though no two in a row saw it."""
QUIET: Final = timedelta(hours=1)
"""An incident that comes back within so long is restless, and over after as long without it."""
IN_A_ROW: Final = timedelta(minutes=5)
"""Evaluations further apart than this are not in a row: the machine slept, or Dagster was down."""


@dataclass(frozen=True)
class Rules:
    """How much is sent.

    Attributes:
        least: below this severity nothing is.
        reminder: how long an incident that goes on is not mentioned again.
        muted: nothing is sent: there is nowhere to send it to.
    """

    least: Severity = "warning"
    reminder: timedelta = timedelta(hours=6)
    muted: bool = False


@dataclass(frozen=True)
class Incident:
    """A problem over time.

    Attributes:
        problem: as it was last seen.
        since: when it was first seen.
        seen: evaluations in a row that saw it, up to `AGREEING`.
        unseen: evaluations in a row that did not.
        told_at: when it was last told of; None if never.
        told_as: the severity that it was told with.
        seen_at: when it was last seen.
        is_restless: it comes and goes.
    """

    problem: Problem
    since: datetime
    seen: int = 1
    unseen: int = 0
    told_at: datetime | None = None
    told_as: Severity | None = None
    seen_at: datetime | None = None
    is_restless: bool = False


@dataclass(frozen=True)
class Glimpses:
    """How often a problem was seen of late that nobody was told of.

    Attributes:
        since: when it was seen the first time of these.
        seen: for each of the last evaluations whether it was, the latest last.
    """

    since: datetime
    seen: tuple[bool, ...] = ()

    @property
    def are_enough(self) -> bool:
        return sum(self.seen) >= ENOUGH


@dataclass(frozen=True)
class Message:
    """Something to be told.

    Attributes:
        kind: alert, reminder or recovery.
        problem: what it is about; of a recovery, as it was last seen.
        severity: of a recovery, that of the alert before it.
        since: when the incident began.
        at: when the message was decided on.
        also: labels of what the problem explains.
        signal: what a message of the kind `signal` is about; then `problem` holds its title alone.
    """

    kind: Literal["alert", "reminder", "recovery", "signal"]
    problem: Problem
    severity: Severity
    since: datetime
    at: datetime
    also: tuple[str, ...] = ()
    signal: Signal | None = None

    @property
    def duration(self) -> timedelta:
        """How long the incident has lasted; never negative, whatever the clock was set to."""
        return max(timedelta(0), self.at - self.since)


@dataclass(frozen=True)
class State:
    """What is remembered between two evaluations.

    Attributes:
        deployed_at: the first evaluation ever.
        evaluated_at: the last one.
        incidents: by the key of the problem.
        glimpses: by key, of what is not told of.
        over_at: by key, when an incident was over that may come back.
    """

    deployed_at: datetime
    evaluated_at: datetime | None = None
    incidents: dict[str, Incident] = field(default_factory=dict)
    glimpses: dict[str, Glimpses] = field(default_factory=dict)
    over_at: dict[str, datetime] = field(default_factory=dict)


def decide(
    state: State, problems: Sequence[Problem], now: datetime, rules: Rules
) -> tuple[State, list[Message]]:
    """What is remembered next, and what is to be told now.

    Args:
        state: what the last evaluation left.
        problems: everything that is wrong, each key once.
        now: when this is; may be before the last evaluation, where the clock was set back.
        rules: how much is sent.
    """
    in_a_row = state.evaluated_at is not None and abs(now - state.evaluated_at) <= IN_A_ROW
    present = {problem.key: problem for problem in problems}
    incidents = {
        key: _seen_again(state.incidents.get(key), problem, now, in_a_row=in_a_row)
        for key, problem in present.items()
    }
    glimpses = _glimpses(state.glimpses if in_a_row else {}, incidents, now)
    over_at = {key: at for key, at in state.over_at.items() if abs(now - at) < QUIET}
    messages = []
    for key, incident in incidents.items():
        glimpsed = glimpses.get(key)
        kind = _due(incident, glimpsed, present, now, rules)
        if kind is None:
            continue
        is_first = incident.told_at is None
        if is_first:
            comes_and_goes = incident.seen < AGREEING or key in over_at
            since = glimpsed.since if glimpsed and incident.seen < AGREEING else incident.since
            incident = replace(incident, is_restless=comes_and_goes, since=since)  # noqa: PLW2901
        problem = incident.problem
        also = _explained_by(key, present)
        messages.append(Message(kind, problem, problem.severity, incident.since, now, also))
        incidents[key] = replace(incident, told_at=now, told_as=problem.severity)
    for key, incident in state.incidents.items():
        if key in present or incident.told_as is None:
            continue
        unseen = replace(incident, seen=0, unseen=incident.unseen + 1 if in_a_row else 1)
        if not _is_over(unseen, now):
            incidents[key] = unseen
            continue
        over_at[key] = now
        if not rules.muted and rank(incident.told_as) >= rank(rules.least):
            messages.append(
                Message("recovery", incident.problem, incident.told_as, incident.since, now)
            )
    told = {key for key, incident in incidents.items() if incident.told_at is not None}
    glimpses = {key: seen for key, seen in glimpses.items() if key not in told}
    return State(state.deployed_at, now, incidents, glimpses, over_at), messages


def _seen_again(
    before: Incident | None, problem: Problem, now: datetime, *, in_a_row: bool
) -> Incident:
    if before is None:
        return Incident(problem, now, seen_at=now)
    seen = min(before.seen + 1, AGREEING) if in_a_row else 1
    # A clock that was set back must not put off what is due by as much.
    told_at = min(before.told_at, now) if before.told_at is not None else None
    since = min(before.since, now)
    return replace(
        before, problem=problem, since=since, seen=seen, unseen=0, told_at=told_at, seen_at=now
    )


def _glimpses(
    before: Mapping[str, Glimpses], seen: Mapping[str, Incident], now: datetime
) -> dict[str, Glimpses]:
    """What was seen in one of the last evaluations, this one included."""
    found = {}
    for key in {*before, *seen}:
        known = before.get(key, Glimpses(now))
        last = (*known.seen, key in seen)[-OF_THE_LAST:]
        if any(last):
            found[key] = replace(known, seen=last, since=min(known.since, now))
    return found


def _is_over(unseen: Incident, now: datetime) -> bool:
    if unseen.unseen < AGREEING:
        return False
    quiet_since = unseen.seen_at if unseen.is_restless else None
    return quiet_since is None or abs(now - quiet_since) >= QUIET


def _due(
    incident: Incident,
    glimpsed: Glimpses | None,
    present: Mapping[str, Problem],
    now: datetime,
    rules: Rules,
) -> Literal["alert", "reminder"] | None:
    problem = incident.problem
    if rules.muted or rank(problem.severity) < rank(rules.least):
        return None
    if incident.told_at is not None:
        told_as = incident.told_as or rules.least
        if rank(problem.severity) > rank(told_as) and not _is_explained(problem, present, rules):
            return "alert"
        return "reminder" if now - incident.told_at >= rules.reminder else None
    agreed = incident.seen >= AGREEING or (glimpsed is not None and glimpsed.are_enough)
    since = glimpsed.since if glimpsed is not None else incident.since
    if not agreed or now - min(since, incident.since) < problem.patience:
        return None
    return None if _is_explained(problem, present, rules) else "alert"


def _is_explained(problem: Problem, present: Mapping[str, Problem], rules: Rules) -> bool:
    """Whether another problem that is told of, or is about to be, explains this one."""
    root = _root(problem, present)
    return root is not problem and rank(root.severity) >= rank(rules.least)


def _root(problem: Problem, present: Mapping[str, Problem]) -> Problem:
    """The problem at the end of the chain of causes; itself where the chain bites its tail."""
    passed = {problem.key}
    root = problem
    while root.cause is not None and root.cause in present:
        root = present[root.cause]
        if root.key in passed:
            return problem
        passed.add(root.key)
    return root


def _explained_by(key: str, present: Mapping[str, Problem]) -> tuple[str, ...]:
    return tuple(
        f"{problem.source}/{problem.channel}"
        for problem in present.values()
        if problem.key != key and _root(problem, present).key == key
    )
