-- Markets whose question or slug has all the words, those that are open and most traded first.
-- The words are looked for as they are: nothing in them is a wildcard.
select markets.*
from polymarket_markets as markets
where
    len(list_filter(
        $words,
        lambda word: not contains(
            lower(concat_ws(' ', markets.question, markets.slug)), word
        )
    )) = 0
order by
    markets.closed is true,
    markets.volume_24h_usd desc nulls last,
    markets.volume_usd desc nulls last,
    markets.condition_id
limit $most
