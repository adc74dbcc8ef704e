-- One row per migration that this file has been through; the greatest is its version.
create table schema_version (
    version bigint not null,
    name varchar not null,
    applied_at timestamptz not null,
);

comment on table schema_version is
    'One row per migration that this file has been through; the greatest version is the file''s.';
