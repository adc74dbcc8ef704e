-- one row per tracked chain of the latest hour with value on both sides; key: subject_id.
-- the sum over protocols counts liquid staking and value that is lent on twice, the chain's own
-- figure does not: the ratio is above 1 on most chains.
with
latest as (
    select *
    from defillama_capital_base
    where as_of = (select max(as_of) from defillama_capital_base)
),
compared as (
    select
        subject_id,
        tvl_usd,
        protocols_tvl_usd,
        protocols_tvl_usd / tvl_usd as ratio,
    from latest
    where
        tvl_usd > 0
        and protocols_tvl_usd is not null
)
select
    subject_id,
    tvl_usd,
    protocols_tvl_usd,
    ratio,
    tvl_usd >= $worth_a_look_usd and not ratio between $lowest and $highest as is_odd,
from compared
order by is_odd desc, tvl_usd desc
