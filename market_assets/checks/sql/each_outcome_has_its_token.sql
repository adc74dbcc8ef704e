-- Grain: one row per market whose lists do not belong to the same outcomes. Key: condition_id.
select
    condition_id,
    outcomes,
    token_ids,
    outcome_prices,
from polymarket_markets
where (len(token_ids) > 0 and len(token_ids) <> len(outcomes))
   or (len(outcome_prices) > 0 and len(outcome_prices) <> len(outcomes))
order by condition_id
