-- Grain: one row per open market with a book, and per market of a negative-risk event with one.
-- Key: condition_id.
with tokens as (
    select token_id from polymarket_books
    union
    select token_id from polymarket_book_tops where observed_at > $since and observed_at <= $as_of
),

open_markets as (
    select
        condition_id,
        event_id,
        neg_risk,
        unnest(token_ids) as token_id,
    from polymarket_markets
    where closed is not true
),

booked as (
    select
        condition_id,
        event_id,
        neg_risk,
    from open_markets
    where token_id in (select token_id from tokens)
)

select
    condition_id,
    event_id,
    question,
    outcomes,
    token_ids,
    closed,
    neg_risk,
    winning_outcome,
    taker_fee_rate,
    is_listed,
    end_at,
from polymarket_markets
where
    condition_id in (select condition_id from booked)
    or event_id in (select event_id from booked where neg_risk)
