/**
 * Tables and functions of the marks, for a schema given as a checked and quoted name. Partitions and marks are UNLOGGED: no
 * bump waits for a disk, and a crash empties both, which begins new epochs.
 */
export function marksSql(schema: string): string {
  return `-- What all replicas have to agree on, such as the number of partitions.
create table ${schema}.settings (
  name text primary key,
  value text not null
);

-- Every bump updates its row here in place: most of a page is left for that.
create unlogged table ${schema}.partition (
  number int primary key,
  run text not null,
  epoch text not null,
  epoch_id bigint not null,
  began timestamptz not null,
  head bigint not null,
  nonce text not null,
  from_epoch text,
  from_head bigint,
  marks int not null,
  dead bigint[] not null,
  swept bytea not null
) with (fillfactor = 20);

create unlogged table ${schema}.mark (
  epoch_id bigint,
  subject bytea,
  position bigint not null,
  nonce text not null,
  primary key (epoch_id, subject)
) with (fillfactor = 80);

-- Differs once the server was started again, the database restored or copied, or a table emptied or replaced.
create function ${schema}.marks_run() returns text stable language sql as $$
  select concat_ws('.', (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
    (select oid from pg_database where datname = current_database()),
    pg_relation_filenode('${schema}.partition'), pg_relation_filenode('${schema}.mark'))
$$;

create function ${schema}.marks_micros(_at timestamptz) returns bigint immutable language sql as $$
  select (extract(epoch from _at) * 1000000)::bigint
$$;

-- Refuses whoever is configured differently from the first that came.
create function ${schema}.marks_check(_count int) returns void language plpgsql as $$
declare
  _held text;
begin
  -- Later a statement has to see what it waited for.
  if current_setting('transaction_isolation') not like 'read %' then
    raise exception 'transaction isolation: expected read committed, got %', current_setting('transaction_isolation')
      using errcode = 'TM001';
  end if;
  select value into _held from ${schema}.settings where name = 'partitions';
  if not found then
    insert into ${schema}.settings values ('partitions', _count) on conflict do nothing;
    select value into _held from ${schema}.settings where name = 'partitions';
  end if;
  if _held::int <> _count then
    raise exception 'partitions: expected %, as the database has it from other replicas, got %', _held, _count
      using errcode = 'TM001';
  end if;
end
$$;

-- An epoch that this partition never had. _seed is the caller's random.
create function ${schema}.marks_epoch(_number int, _seed text) returns text language sql as $$
  select left(encode(sha256(convert_to(_seed || ' ' || _number, 'UTF8')), 'hex'), 32)
    || '.' || ${schema}.marks_micros(clock_timestamp())
$$;

create function ${schema}.marks_epoch_id(_epoch text) returns bigint immutable language sql as $$
  select ('x' || left(_epoch, 16))::bit(64)::bigint
$$;

-- Begins an epoch. The caller holds the partition's row. The marks of the one before are swept by later bumps.
create function ${schema}.marks_begin(_number int, _from_head bigint, _seed text, _channel text)
returns ${schema}.partition language plpgsql as $$
declare
  _epoch text := ${schema}.marks_epoch(_number, _seed);
  _held ${schema}.partition;
begin
  update ${schema}.partition p set
    run = ${schema}.marks_run(), epoch = _epoch, epoch_id = ${schema}.marks_epoch_id(_epoch), began = clock_timestamp(),
    head = 0, nonce = '', from_epoch = p.epoch, from_head = _from_head,
    marks = 0, dead = case when p.marks > 0 then p.dead || p.epoch_id else p.dead end
  where number = _number
  returning * into strict _held;
  perform pg_notify(_channel, _number || ' ' || _epoch);
  return _held;
end
$$;

-- Locks a partition and gives it as it is on this server: with a new epoch if it was emptied, or is of another run.
create function ${schema}.marks_hold(_number int, _seed text, _channel text)
returns ${schema}.partition language plpgsql as $$
declare
  _epoch text;
  _held ${schema}.partition;
begin
  loop
    select * into _held from ${schema}.partition where number = _number for no key update;
    if found then
      if _held.run <> ${schema}.marks_run() then
        _held := ${schema}.marks_begin(_number, _held.head, _seed, _channel);
      end if;
      return _held;
    end if;
    _epoch := ${schema}.marks_epoch(_number, _seed);
    insert into ${schema}.partition values (_number, ${schema}.marks_run(), _epoch, ${schema}.marks_epoch_id(_epoch),
      clock_timestamp(), 0, '', null, null, 0, '{}', '')
    on conflict do nothing
    returning * into _held;
    if found then
      perform pg_notify(_channel, _number || ' ' || _epoch);
      return _held;
    end if;
  end loop;
end
$$;

-- Partitions as they are on this server, locked in order of number, as everywhere.
create function ${schema}.marks_open(_count int, _seed text, _channel text, _numbers int[]) returns void
language plpgsql as $$
declare
  _number int;
begin
  perform ${schema}.marks_check(_count);
  for _number in select n from unnest(_numbers) n order by n loop
    perform ${schema}.marks_hold(_number, _seed, _channel);
  end loop;
end
$$;

-- Begins an epoch if the partition still has _if_epoch: nothing is known of what that one lost.
create function ${schema}.marks_new_epoch(_count int, _seed text, _channel text, _number int, _if_epoch text)
returns setof ${schema}.partition language plpgsql as $$
declare
  _held ${schema}.partition;
begin
  perform ${schema}.marks_check(_count);
  _held := ${schema}.marks_hold(_number, _seed, _channel);
  if _held.epoch = _if_epoch then
    _held := ${schema}.marks_begin(_number, 0, _seed, _channel);
  end if;
  return next _held;
end
$$;

-- Deletes some marks of epochs that are over. The caller holds the partition's row; gives it without what is done. Along the index
-- only: the planner's numbers of this table are old, and it would rather sort all that is over than read a page of it.
create function ${schema}.marks_sweep(_held ${schema}.partition, _page int) returns ${schema}.partition
language plpgsql set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
declare
  _subjects bytea[];
begin
  with page as materialized (
    select ctid as place, subject from ${schema}.mark where epoch_id = _held.dead[1] and subject > _held.swept
    order by subject limit _page
  ), gone as (
    delete from ${schema}.mark where ctid = any(array(select place from page))
  )
  select array_agg(subject order by subject) into _subjects from page;
  if cardinality(_subjects) = _page then
    _held.swept := _subjects[_page];
  else
    _held.dead := _held.dead[2:];
    _held.swept := '';
  end if;
  return _held;
end
$$;

-- A bump, which announces itself. _numbers ascend: whoever needs several partitions locks them in one order. _sizes says how many of
-- the subjects are of each. A message is ASCII; one too long for NOTIFY goes in parts.
create function ${schema}.marks_bump(
  _count int, _seed text, _channel text, _most int, _nonce text,
  _numbers int[], _sizes int[], _subjects bytea[], _bodies text[]
) returns table ("number" int, epoch text, prev bigint, "position" bigint, nonce text) language plpgsql as $$
#variable_conflict use_column
declare
  _held ${schema}.partition;
  _own bytea[];
  _done int := 0;
  _added int;
  _position bigint;
  _token text;
  _parts int;
begin
  perform ${schema}.marks_check(_count);
  for i in 1 .. cardinality(_numbers) loop
    _held := ${schema}.marks_hold(_numbers[i], _seed, _channel);
    _own := _subjects[_done + 1 : _done + _sizes[i]];
    _done := _done + _sizes[i];
    if _held.marks + _sizes[i] > _most then
      _held := ${schema}.marks_begin(_held.number, _held.head, _seed, _channel);
    end if;
    if cardinality(_held.dead) > 0 then
      -- More than the bump adds: what is over shrinks, however large bumps are.
      _held := ${schema}.marks_sweep(_held, greatest(300, 2 * _sizes[i]));
    end if;
    _position := _held.head + 1;
    _token := _nonce || '.' || ${schema}.marks_micros(clock_timestamp());
    with written as (
      insert into ${schema}.mark as m (epoch_id, subject, position, nonce)
      select _held.epoch_id, s.subject, _position, _token from unnest(_own) s(subject) order by s.subject
      on conflict (epoch_id, subject) do update set position = excluded.position, nonce = excluded.nonce
      returning m.xmax = 0 as is_new
    )
    select count(*) filter (where is_new) into _added from written;
    update ${schema}.partition p set
      head = _position, nonce = _token, marks = _held.marks + _added, dead = _held.dead, swept = _held.swept
    where p.number = _held.number;
    _parts := greatest(1, ceil(length(_bodies[i]) / 7600.0));
    for part in 1 .. _parts loop
      perform pg_notify(_channel, concat_ws(' ', _held.number, _held.epoch, _held.head, _position, _token, part || '/' || _parts)
        || E'\\n' || substr(_bodies[i], 1 + 7600 * (part - 1), 7600));
    end loop;
    number := _held.number;
    epoch := _held.epoch;
    prev := _held.head;
    position := _position;
    nonce := _token;
    return next;
  end loop;
end
$$;
`;
}
