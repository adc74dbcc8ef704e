-- Grain: one row per asset and day of a series between two days, as it was counted before.
-- Key: symbol, day.
select
    symbol,
    day,
    present_rows,
    healed_rows,
    lost_rows,
from data_completeness
where table_name = $table_name and "interval" is not distinct from $interval
  and day >= $first_day and day <= $last_day
