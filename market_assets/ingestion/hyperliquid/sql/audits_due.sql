-- Assets with candles of late that were not audited for so long, the longest waiting first.
with streamed as (
    select symbol
    from hyperliquid_candles
    where interval = '1m' and open_at >= $now - $span and open_at < $now
    group by symbol
),
audited as (
    select symbol, max(audited_at) as last_at
    from hyperliquid_candle_audits
    where audited_at <= $now
    group by symbol
)
select s.symbol
from streamed s left join audited a using (symbol)
where a.last_at is null or a.last_at < $now - $every
order by a.last_at nulls first, s.symbol
