"""Crypto events: up or down, strikes, price targets, records, cashtags, and what only sounds so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from market_simulator.polymarket.synthetic import words
from market_simulator.polymarket.synthetic.drafts import Draft, Question

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.drafts import Ask

_SECOND_MS: Final = 1000
_VERBS: Final = {True: "reach", False: "dip to"}
_PRICES: Final = ("crypto", "crypto-prices")


def up_or_down(ask: Ask) -> Draft:
    """One slot of an up/down series; the subject is `BTC:5m`."""
    ticker, _, step = ask.subject.partition(":")
    asset = words.BY_TICKER[ticker]
    begin, end = words.eastern(ask.begins_ms), words.eastern(ask.ends_ms)
    on, last, name = words.day(ask.begins_ms), words.day(ask.ends_ms), words.slug(asset.name)
    if step == "daily":
        title = f"{asset.name} Up or Down on {last}?"
        slug = f"{name}-up-or-down-on-{words.slug(last)}-{end.year}"
    elif step == "1h":
        hour = words.clock(begin, minutes=False)
        title = f"{asset.name} Up or Down - {on}, {hour} ET"
        slug = f"{name}-up-or-down-{words.slug(on)}-{begin.year}-{hour.lower()}-et"
    else:
        title = f"{asset.name} Up or Down - {on}, {words.clock(begin)}-{words.clock(end)} ET"
        slug = f"{ticker.lower()}-updown-{step}-{ask.begins_ms // _SECOND_MS}"
    tags = (*_PRICES, asset.tag, "up-or-down", step, "recurring", "hide-from-new")
    question = Question(title, 0.0, float(ask.draw.below(2)), slug=slug)
    return Draft(
        title,
        tags,
        (question,),
        slug=slug,
        outcomes=("Up", "Down"),
        category="crypto",
        symbol=ticker,
        recurs=step,
        swing=2.5,
    )


def above(ask: Ask) -> Draft:
    """Strikes for one day: `Bitcoin above ___ on November 21?`."""
    asset, draw = _asset(ask), ask.draw
    now = asset.price * math.exp(draw.between(-0.2, 0.2))
    final = now * math.exp(draw.between(-0.08, 0.08))
    date = words.day(ask.ends_ms)
    strikes = [_rounded(now * (1 + 0.02 * i)) for i in range(-3, 4 + draw.below(2))]
    return Draft(
        f"{asset.name} above ___ on {date}?",
        (*_PRICES, asset.tag, "weekly", "multi-strikes", "recurring"),
        tuple(
            Question(
                f"Will the price of {asset.name} be above ${words.money(strike)} on {date}?",
                math.log(now / strike) * 40,
                float(final > strike),
                words.money(strike),
            )
            for strike in dict.fromkeys(strikes)
        ),
        category="crypto",
        symbol=asset.ticker,
    )


def hit(ask: Ask) -> Draft:
    """Price targets in both directions: `What price will Ethereum hit in November?`."""
    asset, draw = _asset(ask), ask.draw
    now = asset.price * math.exp(draw.between(-0.2, 0.2))
    high, low = now * (1 + draw.between(0, 0.4)), now * (1 - draw.between(0, 0.3))
    month = f"{words.eastern(ask.ends_ms):%B}"
    targets = dict.fromkeys(_rounded(now * (1 + 0.1 * i)) for i in (-4, -3, -2, -1, 1, 2, 3, 4, 5))
    return Draft(
        f"What price will {asset.name} hit in {month}?",
        (*_PRICES, asset.tag, "monthly"),
        tuple(
            Question(
                f"Will {asset.name} {_VERBS[up]} ${words.money(target)} in {month}?",
                1.0 - abs(math.log(target / now)) * 9,
                float(target <= high if up else target >= low),
                f"{'↑' if up else '↓'} {words.money(target)}",
            )
            for target in targets
            for up in (target > now,)
        ),
        category="crypto",
        symbol=asset.ticker,
    )


def record(ask: Ask) -> Draft:
    """`Solana all time high by December 31?`."""
    asset = ask.draw.pick(words.ASSETS)
    title = f"{asset.name} all time high by {words.day(ask.ends_ms)}?"
    return _single(ask, title, (*_PRICES, asset.tag), symbol=asset.ticker)


def cashtag(ask: Ask) -> Draft:
    """A price question that only its cashtag gives away: the one tag is `All`."""
    asset = ask.draw.pick(words.ASSETS)
    price = words.money(_rounded(asset.price * (1 + ask.draw.between(-0.2, 0.2))))
    title = f"Will ${asset.ticker} be above ${price} on {words.day(ask.ends_ms)}?"
    return _single(ask, title, ("all",), symbol=asset.ticker)


def asset_single(ask: Ask) -> Draft:
    """About an asset, not about its price."""
    asset = ask.draw.pick(words.ASSETS)
    text = ask.draw.pick(words.SINGLES["crypto"])
    title = text.format(asset=asset.name, ticker=asset.ticker, date=words.day(ask.ends_ms))
    return _single(ask, title, ("crypto", asset.tag), symbol=asset.ticker)


def endless(ask: Ask) -> Draft:
    """About an asset, decided whenever it happens: it has no date of an end."""
    asset, draw = _asset(ask), ask.draw
    return Draft(
        f"What will ever happen to {asset.name}?",
        ("crypto", asset.tag),
        tuple(
            Question(
                text.format(asset=asset.name, ticker=asset.ticker),
                draw.between(-2.5, 1.5),
                float(draw.below(2)),
            )
            for text in words.SINGLES["endless"]
        ),
        category="crypto",
        symbol=asset.ticker,
        endless=True,
    )


def other(ask: Ask) -> Draft:
    """Crypto, but about no asset that trades."""
    text = ask.draw.pick(words.SINGLES["crypto_other"])
    title = text.format(date=words.day(ask.ends_ms), amount=1 + ask.draw.below(9))
    return _single(ask, title, ("crypto", ask.draw.pick(("airdrops", "exchanges", "pre-market"))))


def _asset(ask: Ask) -> words.Asset:
    """The slot's own, or any."""
    return words.BY_TICKER[ask.subject] if ask.subject else ask.draw.pick(words.ASSETS)


def _single(ask: Ask, title: str, tags: tuple[str, ...], *, symbol: str = "") -> Draft:
    odds = ask.draw.between(-2.5, 1.5)
    wins = float(ask.draw.unit() < 1 / (1 + math.exp(-odds)))
    question = Question(title, odds, wins)
    return Draft(title, tags, (question,), category="crypto", symbol=symbol)


def _rounded(value: float) -> float:
    """Three significant figures, as targets are chosen."""
    return float(f"{value:.3g}")
