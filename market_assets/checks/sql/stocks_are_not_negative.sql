-- stocks of the latest hour below zero; key: subject_id, as_of.
select
    subject_id,
    as_of,
    tvl_usd,
    stablecoin_mcap_usd,
    market_cap_usd,
    open_interest_usd,
from defillama_capital_base
where
    as_of = (select max(as_of) from defillama_capital_base)
    and least(tvl_usd, stablecoin_mcap_usd, market_cap_usd, open_interest_usd) < 0
