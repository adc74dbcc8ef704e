"""Events not about crypto, some of them in its words: politics, sports, economy, weather."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from market_simulator.polymarket.synthetic import words
from market_simulator.polymarket.synthetic.drafts import Draft, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.polymarket.synthetic.drafts import Ask, Draw

_FED: Final = (
    "decrease interest rates by 50+ bps",
    "decrease interest rates by 25 bps",
    "leave interest rates unchanged",
    "increase interest rates by 25+ bps",
)
_SPORTS: Final = ("nba", "mlb", "soccer", "hockey", "tennis", "esports")
_DRAWN: Final = 0.5
_DRAWN_ONE_IN: Final = 40


def race(ask: Ask) -> Draft:
    """Who wins an election; the last market stands for everybody else."""
    place, date = ask.draw.pick(words.PLACES), words.eastern(ask.ends_ms)
    people = [_person(ask.draw) for _ in range(3 + ask.draw.below(5))]
    names = [*dict.fromkeys(people), "another person"]
    return _one_winner(
        ask.draw,
        f"Who will win {place} in {date.year}?",
        [(f"Will {name} win {place} in {date.year}?", name) for name in names],
        ("politics", "elections", "world-elections"),
        "politics",
    )


def politics(ask: Ask) -> Draft:
    """One question, perhaps with DOGE, PEOPLE or ME in it."""
    return _single(ask, "politics", ("politics", ask.draw.pick(("united-states", "geopolitics"))))


def economy(ask: Ask) -> Draft:
    """One question about prices that are not crypto's."""
    return _single(ask, "macro", ("finance", ask.draw.pick(("economy", "earnings"))))


def culture(ask: Ask) -> Draft:
    """One question about films, science or space."""
    return _single(ask, "culture", (ask.draw.pick(("pop-culture", "science", "space")),))


def fed(ask: Ask) -> Draft:
    """What the Federal Reserve decides: one of four."""
    month = f"{words.eastern(ask.ends_ms):%B %Y}"
    return _one_winner(
        ask.draw,
        f"Fed decision in {month.split(maxsplit=1)[0]}?",
        [(f"Will the Fed {what} after the {month} meeting?", what) for what in _FED],
        ("economic-policy", "fed-rates", "fed", "politics", "economy", "fomc"),
        "economics",
    )


def weather(ask: Ask) -> Draft:
    """The highest temperature of a day: one of six."""
    city, date = ask.draw.pick(words.CITIES), words.day(ask.ends_ms)
    low = 40 + 2 * ask.draw.below(20)
    bands = [f"{low + 2 * i}-{low + 2 * i + 1}°F" for i in range(6)]
    return _one_winner(
        ask.draw,
        f"Highest temperature in {city} on {date}?",
        [
            (f"Will the highest temperature in {city} be between {band} on {date}?", band)
            for band in bands
        ],
        ("weather", "daily-temperature", "recurring"),
        "weather",
    )


def champion(ask: Ask) -> Draft:
    """Who wins a season."""
    sport, year = ask.draw.pick(_SPORTS), words.eastern(ask.ends_ms).year
    label = words.TAGS[sport].label
    return _one_winner(
        ask.draw,
        f"{year} {label} Champion",
        [
            (f"Will the {team} win the {year} {label} Finals?", team)
            for team in ask.draw.some(words.TEAMS, 6 + ask.draw.below(5))
        ],
        ("sports", sport),
        "sports",
    )


def game(ask: Ask) -> Draft:
    """Two teams: outcomes are their names, and markets on the margin may come with it."""
    sport, draw = ask.draw.pick(_SPORTS), ask.draw
    home, away = draw.some(words.TEAMS, 2)
    odds = draw.between(-1.5, 1.5)
    wins = _DRAWN if draw.below(_DRAWN_ONE_IN) == 0 else float(draw.below(2))
    questions = [Question(f"{home} vs. {away}", odds, wins)]
    if draw.below(2):
        margin = f"{home} (-{1 + draw.below(9)}.5)"
        questions.append(Question(f"Spread: {margin}", odds - 1, float(draw.below(2)), margin))
    if draw.below(2):
        line = f"O/U {2 + draw.below(220)}.5"
        text = f"{home} vs. {away}: {line}"
        odds = draw.between(-0.4, 0.4)
        over = Question(text, odds, float(draw.below(2)), line, outcomes=("Over", "Under"))
        questions.append(over)
    return Draft(
        f"{home} vs. {away}",
        ("sports", "games", sport),
        tuple(questions),
        outcomes=(home, away),
        category="sports",
        game=True,
        swing=1.6,
    )


def _one_winner(
    draw: Draw,
    title: str,
    markets: Sequence[tuple[str, str]],
    tags: tuple[str, ...],
    category: str,
) -> Draft:
    """One of the markets wins; their prices begin near a sum of 1."""
    strength = [math.exp(draw.between(0, 4)) for _ in markets]
    shares = [s / sum(strength) for s in strength]
    at, winner = draw.unit(), len(shares) - 1
    for i, share in enumerate(shares):
        if at < share:
            winner = i
            break
        at -= share
    return Draft(
        title,
        tags,
        tuple(
            Question(text, math.log(share / (1 - share)), float(i == winner), group)
            for i, ((text, group), share) in enumerate(zip(markets, shares, strict=True))
        ),
        category=category,
        one_winner=True,
        swing=0.5,
    )


def _single(ask: Ask, kind: str, tags: tuple[str, ...]) -> Draft:
    draw = ask.draw
    title = draw.pick(words.SINGLES[kind]).format(
        date=words.day(ask.ends_ms), person=_person(draw), amount=2 + draw.below(8)
    )
    odds = draw.between(-2.5, 1.5)
    wins = float(draw.unit() < 1 / (1 + math.exp(-odds)))
    return Draft(title, tags, (Question(title, odds, wins),), category=kind)


def _person(draw: Draw) -> str:
    return f"{draw.pick(words.FIRST)} {draw.pick(words.LAST)}"
