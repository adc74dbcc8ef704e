-- One row where less than 99 % of what stood on the grid within the last hour was proved.
select
    count(*) as stood,
    count(*) filter (is_proven) as proven,
    round(count(*) filter (is_proven) / count(*), 4) as share,
from polymarket_book_tops
where observed_at > $now - interval 1 hour
having count(*) > 0 and count(*) filter (is_proven) < 0.99 * count(*)
