"""The answers of the stablecoin routes, in units of the peg unless the field says US dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.defillama import oddities
from market_simulator.defillama.world import run_at
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from market_simulator.defillama.capital import Capital
    from market_simulator.defillama.pegs import Issue, Pegs
    from market_simulator.randomness import F64, I64

_ALL_SINCE: Final = 18_628
"""2021-01-01: no chart of all chains is older."""
_CHAINS_SINCE: Final = 19_123
"""2022-05-11: nor one of a chain."""
_BEFORE: Final = {"circulatingPrevDay": 24, "circulatingPrevWeek": 168, "circulatingPrevMonth": 720}
_FIELDS: Final = (
    "totalCirculating",
    "totalUnreleased",
    "totalCirculatingUSD",
    "totalMintedUSD",
    "totalBridgedToUSD",
)


class PegRows:
    """The stablecoin routes of one world."""

    def __init__(self, pegs: Pegs, capital: Capital) -> None:
        self._pegs = pegs
        self._capital = capital
        self._world = pegs.world

    def stablecoins(self, hour: int, *, prices: bool) -> dict[str, Any]:
        """`/stablecoins`; before a coin was born its earlier amounts are a bare 0."""
        rows = [
            self._row(n, hour, prices=prices)
            for n in range(len(self._world.stablecoins))
            if self._pegs.born_days[n] * 24 <= hour
        ]
        return {"peggedAssets": rows}

    def stablecoin(self, number: str, hour: int) -> dict[str, Any]:
        """`/stablecoin/{id}`.

        Raises:
            Refused: no such coin yet.
        """
        found = [n for n, coin in enumerate(self._world.stablecoins) if coin.id == number]
        if not found or self._pegs.born_days[found[0]] * 24 > hour:
            message = '{"message":"Pegged asset is not in our database"}'
            raise Refused(400, message)
        n = found[0]
        coin, first = self._world.stablecoins[n], max(self._pegs.born_days[n], _CHAINS_SINCE)
        hours, dates = _grid(first, hour)
        dates[-1] = run_at(hour)
        balances, current = {}, {}
        total = np.zeros(len(hours))
        for issue, units in self._pegs.circulating(n, hours):
            if hour < issue.born_day * 24:
                continue
            name = self._world.chains[issue.chain].in_pegs
            total += units
            balances[name] = {"tokens": self._tokens(n, issue, units, hours, dates)}
            current[name] = {coin.peg: float(units[-1])}
        return {
            **self._about(n),
            "cmcId": str(900 + n) if n % 3 else None,
            "onCoinGecko": "true",
            "chainBalances": balances,
            "currentChainBalances": current,
            "price": self._pegs.price_said(n, hour),
            "tokens": [
                {
                    "date": date,
                    "circulating": {coin.peg: float(units)},
                    "minted": 0,
                    "unreleased": {coin.peg: 0},
                    "bridgedTo": 0,
                }
                for date, units in zip(dates, total, strict=True)
            ],
        }

    def chains(self, hour: int) -> list[dict[str, Any]]:
        """`/stablecoinchains`: US dollars by peg; it is what the charts of chains end with."""
        tvl = self._capital.of_chains(hour)
        rows = []
        for place in self._pegs.chains:
            usd = self._summed(place, np.array([hour]))["totalCirculatingUSD"]
            if not usd:
                continue
            chain = self._world.chains[place]
            known = not oddities.WITHOUT_TOKEN.has(place)
            rows.append(
                {
                    "gecko_id": chain.gecko_id if known else None,
                    "totalCirculatingUSD": {peg: float(v[-1]) for peg, v in usd.items()},
                    "tokenSymbol": chain.symbol if known else None,
                    "tvl": None if np.isnan(tvl[place]) else float(tvl[place]),
                    "name": chain.in_pegs,
                }
            )
        return rows

    def chart(self, chain: str, number: str | None, hour: int) -> list[dict[str, Any]]:
        """`/stablecoincharts/all|{chain}`: nothing for a chain that has another name here."""
        everywhere = chain.lower() == "all"
        found = [
            place
            for place in self._pegs.chains
            if chain.lower() in _named(self._world.chains[place].in_pegs)
        ]
        if not everywhere and not found:
            return []
        hours, dates = _grid(_ALL_SINCE if everywhere else _CHAINS_SINCE, hour)
        sums = self._summed(None if everywhere else found[0], hours, number)
        if not sums["totalCirculating"]:
            return []
        there = sum(values for values in sums["totalCirculatingUSD"].values()) > 0
        first = int(np.argmax(there))
        rows = []
        for n in range(first, len(dates)):
            row: dict[str, Any] = {"date": str(dates[n])}
            for field in _FIELDS:
                # a peg that was not there yet is left out for a while, and 0 in later days
                row[field] = {
                    peg: float(values[n])
                    for peg, values in sums[field].items()
                    if n % 2 or peg == "peggedUSD" or sums["totalCirculating"][peg][n] > 0
                }
            rows.append(row)
        return rows

    def prices(self, hour: int) -> list[dict[str, Any]]:
        """`/stablecoinprices`: a year of days, null where there was no price."""
        hours, dates = _grid(hour // 24 - 365, hour)
        said = {
            coin.gecko_id: (
                self._pegs.born_days[n],
                self._pegs.price_said(n, hour) is None,
                np.round(self._pegs.price(n, hours), 6).tolist(),
            )
            for n, coin in enumerate(self._world.stablecoins)
        }
        return [
            {
                "date": date,
                "prices": {
                    gecko_id: None if unknown else price[n]
                    for gecko_id, (born, unknown, price) in said.items()
                    if born * 86_400 <= date
                },
            }
            for n, date in enumerate(dates)
        ]

    def _summed(
        self, place: int | None, hours: I64, number: str | None = None
    ) -> dict[str, dict[str, F64]]:
        """Amounts by field and peg on a chain, or everywhere."""
        sums: dict[str, dict[str, F64]] = {field: {} for field in _FIELDS}
        for n, coin in enumerate(self._world.stablecoins):
            if (number is not None and coin.id != number) or self._pegs.born_days[n] * 24 > hours[
                -1
            ]:
                continue
            if place is not None and all(i.chain != place for i in self._pegs.issues[n]):
                continue
            price = self._pegs.price_used(n, hours)
            for issue, units in self._pegs.circulating(n, hours):
                if place not in (None, issue.chain) or hours[-1] < issue.born_day * 24:
                    continue
                minted = self._pegs.minted(n, issue, units)
                bridged = units if not minted.any() else np.zeros(len(hours))
                alone = place is not None
                values = (units, units * 0.0, units * price, minted * price, bridged * price)
                for field, value in zip(_FIELDS, values, strict=True):
                    own = value if alone or field in _FIELDS[:3] else value * 0.0
                    sums[field][coin.peg] = sums[field].get(coin.peg, 0.0) + own
        return sums

    def _row(self, n: int, hour: int, *, prices: bool) -> dict[str, Any]:
        coin = self._world.stablecoins[n]
        hours = np.array([hour, *(hour - before for before in _BEFORE.values())])
        as_text = oddities.AMOUNTS_TEXT.has(n)
        chains: dict[str, Any] = {}
        total = np.zeros(len(hours))
        for issue, units in self._pegs.circulating(n, hours):
            if hour < issue.born_day * 24:
                continue
            total += units
            name = self._world.chains[issue.chain].in_pegs
            chains[name] = {"current": _amount(coin.peg, units[0], as_text=as_text)} | {
                field: _amount(coin.peg, value, as_text=as_text) if value else 0
                for field, value in zip(_BEFORE, units[1:], strict=True)
            }
        row = self._about(n) | {
            "circulating": _amount(coin.peg, total[0], as_text=as_text),
            **{
                field: _amount(coin.peg, value, as_text=as_text) if value else 0
                for field, value in zip(_BEFORE, total[1:], strict=True)
            },
            "chainCirculating": chains,
            "chains": list(chains),
        }
        return row | ({"price": self._pegs.price_said(n, hour)} if prices else {})

    def _about(self, n: int) -> dict[str, Any]:
        coin = self._world.stablecoins[n]
        return {
            "id": coin.id,
            "name": coin.name,
            "symbol": coin.symbol,
            "gecko_id": coin.gecko_id,
            "pegType": coin.peg,
            "priceSource": "defillama" if n % 4 else "coingecko",
            "pegMechanism": coin.mechanism,
        }

    def _tokens(
        self, n: int, issue: Issue, units: F64, hours: I64, dates: list[int]
    ) -> list[dict[str, Any]]:
        """A coin on one chain, day by day; what was not minted there was bridged to it."""
        peg = self._world.stablecoins[n].peg
        minted = self._pegs.minted(n, issue, units).tolist()
        return [
            {
                "date": dates[at],
                "circulating": {peg: float(units[at])},
                "minted": {peg: minted[at]} if minted[at] else 0,
                "unreleased": {peg: 0},
                "bridgedTo": 0 if minted[at] else {peg: float(units[at])},
            }
            for at in np.flatnonzero(hours >= issue.born_day * 24).tolist()
        ]


def _grid(first_day: int, hour: int) -> tuple[I64, list[int]]:
    """Midnights, and the present under the stamp of the running day."""
    days = list(range(first_day, hour // 24 + 1))
    hours = [day * 24 for day in days]
    hours[-1] = hour
    return np.array(hours), [day * 86_400 for day in days]


def _amount(peg: str, value: float, *, as_text: bool) -> dict[str, float | str]:
    return {peg: str(float(value)) if as_text else float(value)}


def _named(name: str) -> tuple[str, ...]:
    """How a chain may be written in a path."""
    return (name.lower(), name.lower().replace(" ", "%20"))
