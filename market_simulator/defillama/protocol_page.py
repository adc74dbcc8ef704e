"""The answer of `/protocol/{slug}`: a protocol's or parent's whole history, chain by chain.

Series have a point for every midnight (UTC) and a last one off that grid, of the newest run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.defillama import oddities
from market_simulator.defillama.tvl_rows import stamps
from market_simulator.randomness import hash_of, unit
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from market_simulator.defillama.capital import Capital
    from market_simulator.defillama.prices import Prices
    from market_simulator.defillama.tvl_rows import TvlRows
    from market_simulator.randomness import F64

_TOKENS: Final = ("USDC", "WETH", "USDT", "WBTC", "DAI", "WSTETH", "USDE", "WHYPE")
_DIGITS: Final = 5

Series = dict[int, float]
"""Amounts by stamp."""
Tokens = dict[str, float]
"""US dollars by symbol, and units by symbol with `=` before it."""


class ProtocolPage:
    """`/protocol/{slug}` of one world."""

    def __init__(self, capital: Capital, prices: Prices, rows: TvlRows) -> None:
        self._capital = capital
        self._world = capital.world
        self._prices = prices
        self._rows = rows

    def page(self, slug: str, hour: int) -> dict[str, Any]:
        """The answer.

        Raises:
            Refused: no such protocol yet.
        """
        born, today = self._capital.born_days, hour // 24
        place = self._world.by_slug.get(slug)
        if place is not None and born[place] <= today:
            protocol = self._world.protocols[place]
            body = self._rows.about(protocol, place) | self._amounts([place], hour, tokens=True)
            body |= {
                "chain": protocol.chains[0],
                "mcap": self._rows.market_cap(protocol, place, hour),
            }
            return body
        children = [p for p in self._world.children.get(slug, ()) if born[p] <= today]
        if not children:
            raise Refused(400, "Protocol not found", "text/plain")
        return self._parent(slug, children, hour)

    def _parent(self, slug: str, children: list[int], hour: int) -> dict[str, Any]:
        parent = self._world.parents[slug]
        number = list(self._world.parents).index(slug)
        body = {
            "id": parent.id,
            "name": parent.name,
            "url": f"https://{slug}.example",
            "description": f"{parent.name} is the parent of what stands below it.",
            "logo": f"https://icons.example/{slug}.jpg",
            "gecko_id": parent.gecko_id,
            "cmcId": parent.cmc_id,
            "symbol": parent.symbol,
            "isParentProtocol": True,
            "otherProtocols": [parent.name, *(self._world.protocols[p].name for p in children)],
            "mcap": self._prices.market_caps(hour).get(parent.gecko_id or ""),
        }
        tokens = not oddities.PARENT_WITHOUT_TOKENS.has(number)
        return body | self._amounts(children, hour, tokens=tokens)

    def _amounts(self, places: list[int], hour: int, *, tokens: bool) -> dict[str, Any]:
        """Everything that has a date."""
        usd: dict[str, Series] = {}
        held: dict[str, dict[int, Tokens]] = {}
        for place in places:
            self._add(place, hour, usd, held)
        total: Series = {}
        chains = sorted(self._plain(places) & usd.keys(), key=lambda n: -_last(usd[n]))
        for name in chains:
            for at, value in usd[name].items():
                total[at] = total.get(at, 0.0) + value
        own = {
            name: {"tvl": _points(series), **_token_series(held.get(name), tokens=tokens)}
            for name, series in usd.items()
        }
        both: dict[int, Tokens] = {}
        for name in chains:
            for at, amounts in held.get(name, {}).items():
                bag = both.setdefault(at, {})
                for symbol, amount in amounts.items():
                    bag[symbol] = bag.get(symbol, 0.0) + amount
        return {
            "chains": chains,
            "chainTvls": own,
            "tvl": _points(dict(sorted(total.items()))),
            **_token_series(dict(sorted(both.items())), tokens=tokens),
            "currentChainTvls": {name: round(_last(usd[name]), _DIGITS) for name in usd},
            "raises": [],
            "hallmarks": [],
            "metrics": {},
        }

    def _add(
        self,
        place: int,
        hour: int,
        usd: dict[str, Series],
        held: dict[str, dict[int, Tokens]],
    ) -> None:
        hours, dates = stamps(int(self._capital.born_days[place]), hour)
        at = np.array(hours)
        mix = self._mix(place)
        prices = {symbol: self._prices.of_symbol(symbol, at) for symbol in mix}
        for stand, values in self._capital.on_chains(place, at):
            name = self._world.chains[stand.chain].in_protocols
            there = [n for n, h in enumerate(hours) if h >= stand.born_day * 24]
            if not there:
                continue
            series = usd.setdefault(name, {})
            tokens = held.setdefault(name, {})
            for n in there:
                series[dates[n]] = series.get(dates[n], 0.0) + float(values[n])
                bag = tokens.setdefault(dates[n], {})
                for symbol, part in mix.items():
                    worth = part * float(values[n])
                    bag[symbol] = bag.get(symbol, 0.0) + worth
                    units = worth / float(prices[symbol][n])
                    bag[f"={symbol}"] = bag.get(f"={symbol}", 0.0) + units
            for extra in self._capital.extras[place]:
                self._extra(
                    usd, name, extra.key, [dates[n] for n in there], extra.part * values[there]
                )

    @staticmethod
    def _extra(usd: dict[str, Series], name: str, key: str, dates: list[int], more: F64) -> None:
        for where in (f"{name}-{key}", key):
            series = usd.setdefault(where, {})
            for date, value in zip(dates, more.tolist(), strict=True):
                series[date] = series.get(date, 0.0) + value

    def _mix(self, place: int) -> dict[str, float]:
        """Which tokens a protocol holds, and which part of its TVL each is worth."""
        key = int(self._capital.keys[place])
        count = 1 + hash_of(key, 60) % 4
        own = self._world.protocols[place].symbol
        symbols = [_TOKENS[hash_of(key, 61 + n) % len(_TOKENS)] for n in range(count)]
        symbols += [own.upper()] if own != "-" and hash_of(key, 70) % 3 == 0 else []
        parts = {symbol: 0.1 + unit(key, 80 + n) for n, symbol in enumerate(symbols)}
        return {symbol: part / sum(parts.values()) for symbol, part in parts.items()}

    def _plain(self, places: list[int]) -> set[str]:
        """The chains' names, without keys such as `borrowed`."""
        return {
            self._world.chains[stand.chain].in_protocols
            for place in places
            for stand in self._capital.stands[place]
        }


def _last(series: Series) -> float:
    return series[max(series)]


def _points(series: Series) -> list[dict[str, float]]:
    return [
        {"date": at, "totalLiquidityUSD": round(value, _DIGITS)}
        for at, value in sorted(series.items())
    ]


def _token_series(held: dict[int, Tokens] | None, *, tokens: bool) -> dict[str, Any]:
    """`tokensInUsd` and `tokens`; null where the venue does not say which tokens there are."""
    if held is None or not tokens:
        return {"tokensInUsd": None, "tokens": None}
    worth, units = [], []
    for at, bag in held.items():
        plain = {s: round(v, _DIGITS) for s, v in bag.items() if not s.startswith("=")}
        worth.append({"date": at, "tokens": plain})
        amounts = {s[1:]: round(v, _DIGITS) for s, v in bag.items() if s.startswith("=")}
        units.append({"date": at, "tokens": amounts})
    return {"tokensInUsd": worth, "tokens": units}
