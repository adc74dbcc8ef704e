"""Events whose markets are about different things, of which only some are an asset.

The event carries the asset's tag, and perhaps its name; its other markets have nothing to do with
it. Each question says itself which asset it is about.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from market_simulator.polymarket.synthetic import words
from market_simulator.polymarket.synthetic.drafts import Draft, Question

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.drafts import Ask


def before(ask: Ask) -> Draft:
    """What comes first: `What happens before the next total eclipse?`."""
    draw, asset = ask.draw, words.BY_TICKER[ask.subject]
    milestone = draw.pick(words.MILESTONES)
    price = float(f"{asset.price * draw.between(1.1, 1.6):.2g}")
    texts = [
        (f"{asset.name} above ${words.money(price)} before {milestone}?", asset.ticker),
        *(
            (
                text.format(
                    person=f"{draw.pick(words.FIRST)} {draw.pick(words.LAST)}",
                    city=draw.pick(words.CITIES),
                    milestone=milestone,
                ),
                "",
            )
            for text in draw.some(words.HAPPENINGS, 4)
        ),
    ]
    return Draft(
        f"What happens before {milestone}?",
        ("pop-culture", "crypto", asset.tag),
        tuple(
            Question(
                text,
                draw.between(-2, 1),
                float(draw.below(2)),
                text.partition(" before ")[0],
                symbol=symbol,
            )
            for text, symbol in texts
        ),
    )


def race_of_assets(ask: Ask) -> Draft:
    """Which does best: `Bitcoin vs. Gold vs. the S&P 500 in December`; one wins."""
    draw, asset = ask.draw, words.BY_TICKER[ask.subject]
    month = f"{words.eastern(ask.ends_ms):%B}"
    others = draw.some(words.RIVALS, 2)
    names = [(asset.name, asset.ticker), *((name, "") for name in others)]
    winner, odds = draw.below(len(names)), math.log(1 / (len(names) - 1))
    return Draft(
        f"{' vs. '.join(name for name, _ in names)} in {month}",
        ("finance", "crypto", asset.tag),
        tuple(
            Question(
                f"Will {name} perform best in {month}?",
                odds,
                float(i == winner),
                name,
                symbol=symbol,
            )
            for i, (name, symbol) in enumerate(names)
        ),
        category="finance",
        one_winner=True,
        swing=0.5,
    )
