-- Open markets that can be traded: those that pass a threshold without their open interest, the
-- manual ones, and of the others $most of the events with the greatest open interest.
with open_markets as (
    select m.condition_id, m.token_ids, m.liquidity_usd, m.volume_24h_usd,
           m.condition_id in (select unnest($manual)) as is_manual,
           e.open_interest_usd as event_open_interest_usd,
           coalesce(m.liquidity_usd >= $liquidity_usd, false)
               or coalesce(m.volume_24h_usd >= $volume_24h_usd, false) as passes
    from polymarket_markets m
    left join polymarket_events e using (event_id)
    where (not coalesce(m.closed, false) and m.is_listed is distinct from false
           and len(m.token_ids) > 0)
       or m.condition_id in (select unnest($manual))
)
select condition_id, coalesce(token_ids, []) as token_ids, liquidity_usd, volume_24h_usd
from open_markets
where passes or is_manual or coalesce(event_open_interest_usd >= $open_interest_usd, true)
qualify passes or is_manual
     or row_number() over (
            partition by passes or is_manual
            order by event_open_interest_usd desc nulls last, liquidity_usd desc nulls last
        ) <= $most
order by condition_id;
