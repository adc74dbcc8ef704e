-- Grain: one row per symbol that is known or has live candles. Not those of the archive: to find all
-- names in it, DuckDB would read all of it.
select symbol from hyperliquid_assets
union
select symbol from hyperliquid_candles where is_closed
order by symbol
