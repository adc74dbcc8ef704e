"""A catalogue of made-up prediction markets of which texts, sizes and volumes are as the venue's.

Three tenths are minutes and hours of seven coins, four are matches with their lines, one is the
weather, one prices, one what somebody says. Names are made of syllables, some 10,000 of them; each
market has two or three words or numbers that few others have. The rows lie in the order in which
they came, the open ones last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from market_assets.tables import POLYMARKET_MARKETS

if TYPE_CHECKING:
    import polars as pl

    from market_assets.storage.files.store import FileStore

OPEN = 40_000
DAYS = 90
_AT_A_TIME = 100_000

_SELECT = """
with syllables as (
    select [
        'ba', 'ker', 'lo', 'mi', 'ra', 'ten', 'sha', 'vin', 'go', 'del', 'mar', 'os', 'pe', 'ru',
        'sil', 'tor', 'an', 'bel', 'cas', 'dri', 'ev', 'fi', 'gre', 'hol', 'is', 'jo', 'kel', 'lan',
        'mon', 'ne'
    ] as s
),
numbers as (
    select
        n,
        n % 100 as kind,
        (hash(n) % 9007199254740881)::bigint as h,
        (hash(n, 1) % 9007199254740881)::bigint as g,
        (hash(n, 2) % 9007199254740881)::bigint as f,
        $at - to_seconds(($markets - n) * $days * 86400.0 / $markets) as moment,
        n >= $markets - $open as is_open
    from range($first, $last) as t(n)
),
parts as (
    select
        *,
        s[1 + (h >> 3) % 30] || s[1 + (h >> 9) % 30] || s[1 + (h >> 15) % 12] as name,
        s[1 + (g >> 3) % 30] || s[1 + (g >> 9) % 30] || s[1 + (g >> 15) % 12] as other,
        ['Bitcoin', 'Ethereum', 'Solana', 'XRP', 'Dogecoin', 'BNB', 'Hyperliquid'][1 + f % 7]
            as coin,
        ['btc', 'eth', 'sol', 'xrp', 'doge', 'bnb', 'hype'][1 + f % 7] as ticker,
        ['nba', 'nhl', 'epl', 'atp', 'wta', 'lol', 'counter-strike'][1 + g % 7] as league,
        ['London', 'New York', 'Seoul', 'Paris', 'Toronto', 'Ankara', 'Wellington'][1 + g % 7]
            as city,
        strftime(moment, '%B %-d') as day,
        lower(strftime(moment, '%B-%-d')) as day_slug,
        strftime(moment, '%Y-%m-%d') as iso,
        10 + f % 90 as small,
        1000 + f % 9000 as big
    from numbers, syllables
),
texts as (
    select
        *,
        case
            when kind < 20 then format(
                '{} Up or Down - {}, {}-{} ET', coin, day, strftime(moment, '%-I:%M%p'),
                strftime(moment + to_minutes(5), '%-I:%M%p')
            )
            when kind < 30 then format(
                '{} Up or Down - {}, {} ET', coin, day, strftime(moment, '%-I%p')
            )
            when kind < 40 then format('Spread: {} (-{}.5)', name, f % 12)
            when kind < 50 then format('{} vs. {}: O/U {}.5', name, other, f % 240)
            when kind < 60 then format('{} {}: Points Over {}.5', name, other, small)
            when kind < 70 then format('Will {} win on {}?', name, iso)
            when kind < 80 then format(
                'Will the highest temperature in {} be between {}-{}°F on {}?',
                city, small, small + 1, day
            )
            when kind < 90 then format(
                'Will the price of {} be above ${},{} on {}?', coin, small, 100 + f % 900, day
            )
            else format(
                'Will {} say "{}" {}+ times in the {} briefing?', name, other, f % 20, city
            )
        end as question,
        case
            when kind < 20
                then format('{}-updown-5m-{}', ticker, epoch(moment)::bigint // 300 * 300)
            when kind < 30 then format(
                '{}-up-or-down-{}-{}-et', lower(coin), day_slug, lower(strftime(moment, '%-I%p'))
            )
            when kind < 70
                then format('{}-{}-{}-{}-{}', league, name[1:3], other[1:3], iso, f % 400)
            when kind < 80 then format(
                'highest-temperature-in-{}-on-{}-{}-{}f', lower(city), day_slug, small, small + 1
            )
            when kind < 90 then format('{}-above-{}-on-{}', lower(coin), big, day_slug)
            else format(
                'will-{}-say-{}-{}-{}-{}', name, other, f % 20, 100 + g % 900, 100 + h % 900
            )
        end as slug,
        (10 + h % 980) / 1000.0 as price
    from parts
)
select
    '0x' || md5(n::varchar) || md5((n + 1)::varchar) as condition_id,
    (3000000 + n)::varchar as market_id,
    '0x' || md5((n + 7)::varchar) || md5((n + 8)::varchar) as question_id,
    (n // 4)::varchar as event_id,
    slug,
    question,
    ['Yes', 'No'] as outcomes,
    [price, 1 - price] as outcome_prices,
    [h::varchar || g::varchar || f::varchar || n, f::varchar || g::varchar || h::varchar || n]
        as token_ids,
    true as active,
    not is_open as closed,
    is_open as accepting_orders,
    true as order_book_enabled,
    f % 3 = 0 as neg_risk,
    case when f % 3 = 0 then 'gamma' end as neg_risk_source,
    case when is_open then (h % 100000) / 7.0 end as liquidity_usd,
    case when g % 7 = 0 then 0.0 else $growth * exp((g % 15000000) / 1e6) end as volume_usd,
    case when not is_open or f % 4 = 0 then null when f % 4 = 1 then 0.0
        else $growth * exp((f % 13000000) / 1e6) end as volume_24h_usd,
    price - 0.01 as best_bid,
    price + 0.01 as best_ask,
    price as last_trade_price,
    0.01 as tick_size,
    5.0 as min_order_size,
    moment + to_hours(24) as end_at,
    case when not is_open then moment + to_hours(25) end as closed_at,
    case when not is_open then 'resolved' end as resolution_status,
    case when not is_open then ['Yes', 'No'][1 + h % 2] end as winning_outcome,
    case when not is_open then 'oracle' end as winner_source,
    true as is_listed,
    $read_at as last_listed_at,
    null::timestamptz as missing_since,
    0::bigint as times_missed,
    moment as first_seen_at,
    moment + to_minutes(h % 1000) as updated_at,
    case when is_open then $read_at else moment + to_minutes(1500) end as ingested_at
from texts
"""
_LINKS = """
insert into polymarket_market_asset_links by name
select
    condition_id,
    ['BTC', 'ETH', 'SOL', 'XRP', 'DOGE', 'BNB', 'HYPE'][1 + rowid % 7] as symbol,
    'slug' as method,
    question as matched_text,
    0.95 as confidence,
    ingested_at as linked_at
from polymarket_markets
where rowid % 100 < 30 or rowid % 100 between 80 and 89
"""


@dataclass(frozen=True)
class Catalogue:
    """So many markets, the youngest of which came at that instant."""

    markets: int
    at: datetime

    def fill(self, store: FileStore) -> None:
        """Put them into an empty store, four tenths of them with a link."""
        store.prepare()
        with duckdb.connect(str(store.paths.live)) as connection:
            for first in range(0, self.markets, _AT_A_TIME):
                last = min(self.markets, first + _AT_A_TIME)
                statement = f"insert into polymarket_markets by name {_SELECT}"
                connection.execute(statement, self._figures(first, last))
            connection.execute(_LINKS)

    def rows(self, first: int, last: int, *, after: timedelta) -> pl.DataFrame:
        """Rows of the table as they are some time later, when more was traded.

        Args:
            first: the number of the first market.
            last: the number after that of the last one; from `markets` on they are new ones.
            after: how much later.
        """
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            figures = self._figures(first, last, after=after, growth=1.01)
            found = connection.execute(_SELECT, figures).pl()
        return found.select(POLYMARKET_MARKETS.schema.keys()).cast(POLYMARKET_MARKETS.schema)

    def _figures(
        self, first: int, last: int, *, after: timedelta = timedelta(0), growth: float = 1.0
    ) -> dict[str, object]:
        return {
            "markets": self.markets,
            "at": self.at,
            "read_at": self.at + after,
            "open": min(OPEN, self.markets),
            "days": DAYS,
            "first": first,
            "last": last,
            "growth": growth,
        }
