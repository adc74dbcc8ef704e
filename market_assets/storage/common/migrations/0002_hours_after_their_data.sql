-- Rows of an hour spoke for its start and held what was read in its course. They speak for its end.
-- A file from before DefiLlama has none of these tables: made here, they are completed afterwards.
create table if not exists defillama_capital_base (
    subject_id varchar not null, as_of timestamptz not null, ingested_at timestamptz
);
create table if not exists defillama_capital_flows (
    subject_id varchar not null, as_of timestamptz not null, ingested_at timestamptz
);
create table if not exists defillama_economic_throughput (
    subject_id varchar not null, as_of timestamptz not null, ingested_at timestamptz
);
update defillama_capital_base set as_of = as_of + interval 1 hour
where as_of <= ingested_at;
update defillama_capital_flows set as_of = as_of + interval 1 hour
where as_of <= ingested_at;
update defillama_economic_throughput set as_of = as_of + interval 1 hour
where as_of <= ingested_at;
