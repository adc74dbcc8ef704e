-- longer windows below shorter ones, of sums that cannot be negative; key: subject_id, as_of.
select
    subject_id,
    as_of,
    fees_24h_usd,
    fees_7d_usd,
    fees_30d_usd,
    dex_volume_24h_usd,
    dex_volume_7d_usd,
    dex_volume_30d_usd,
from defillama_economic_throughput
where
    as_of = (select max(as_of) from defillama_economic_throughput)
    -- a hair of room: the server rounds its own sums
    and (
        fees_24h_usd > fees_7d_usd * 1.0001 + 1
        or fees_7d_usd > fees_30d_usd * 1.0001 + 1
        or dex_volume_24h_usd > dex_volume_7d_usd * 1.0001 + 1
        or dex_volume_7d_usd > dex_volume_30d_usd * 1.0001 + 1
    )
