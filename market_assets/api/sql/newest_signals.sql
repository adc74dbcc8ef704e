-- One row per signal of a market about an asset: the newest of each asset, newest first.
select *
from polymarket_signal_events
where symbol is not null
qualify row_number() over (partition by symbol order by as_of desc, signal_id) <= $most
order by symbol, as_of desc, signal_id
