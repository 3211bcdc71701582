create extension if not exists postgis;

create table if not exists kingdoms (id text primary key, name text not null, tax int not null);

create table if not exists settlements (
  id text primary key,
  kingdom_id text not null references kingdoms,
  name text not null,
  level int not null,
  place geometry(Point, 3857) not null,
  founded_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index if not exists settlements_of_kingdom on settlements (kingdom_id, founded_at) where deleted_at is null;
create index if not exists settlements_deleted on settlements (deleted_at) where deleted_at is not null;
create index if not exists settlements_place on settlements using gist (place);

insert into kingdoms values ('north', 'North', 10) on conflict do nothing;
insert into settlements (id, kingdom_id, name, level, place)
select 's' || i, 'north', 'Settlement ' || i, 1 + i % 10, ST_SetSRID(ST_MakePoint(i * 1000, i * 500), 3857)
from generate_series(1, 100) i on conflict do nothing;
