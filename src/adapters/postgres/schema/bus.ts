/**
 * Tables and functions of the bus, for a schema given as a checked and quoted name. Both tables are UNLOGGED: no publication
 * waits for a disk, and a crash empties them, which begins new epochs.
 */
export function busSql(schema: string): string {
  return `-- Outlives its messages by a day, so that offsets do not begin again unnoticed. Every publication updates its row in place, and
-- "due", when there is something to clear away, about every tenth part of the life of messages.
create unlogged table ${schema}.topic (
  topic bytea primary key,
  run text not null,
  epoch text not null,
  epoch_id bigint not null,
  head bigint not null,
  kept boolean not null,
  due timestamptz not null
) with (fillfactor = 50);

create index on ${schema}.topic (due);

create unlogged table ${schema}.message (
  epoch_id bigint,
  position bigint,
  id bytea not null,
  bytes bytea not null,
  primary key (epoch_id, position),
  unique (epoch_id, id)
);

-- Differs once the server was started again, the database restored or copied, or a table emptied or replaced.
create function ${schema}.bus_run() returns text stable language sql as $$
  select concat_ws('.', (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
    (select oid from pg_database where datname = current_database()),
    pg_relation_filenode('${schema}.topic'), pg_relation_filenode('${schema}.message'))
$$;

-- Locks a topic and gives it as it is on this server: with a new epoch if there is none, or it is of another run. _seed is the
-- caller's random.
create function ${schema}.bus_hold(_topic bytea, _seed text, _life_ms bigint) returns ${schema}.topic
language plpgsql as $$
declare
  _held ${schema}.topic;
  _epoch text := left(encode(sha256(convert_to(_seed, 'UTF8') || _topic), 'hex'), 32)
    || '.' || (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  _epoch_id bigint := ('x' || left(_epoch, 16))::bit(64)::bigint;
  _due timestamptz := now() + _life_ms * interval '1 ms';
begin
  -- Later a statement has to see what it waited for.
  if current_setting('transaction_isolation') not like 'read %' then
    raise exception 'transaction isolation: expected read committed, got %', current_setting('transaction_isolation')
      using errcode = 'TM001';
  end if;
  loop
    select * into _held from ${schema}.topic where topic = _topic for no key update;
    if found then
      if _held.run <> ${schema}.bus_run() then
        delete from ${schema}.message where epoch_id = _held.epoch_id;
        update ${schema}.topic set
          run = ${schema}.bus_run(), epoch = _epoch, epoch_id = _epoch_id, head = 0, kept = true, due = _due
        where topic = _topic
        returning * into strict _held;
      end if;
      return _held;
    end if;
    insert into ${schema}.topic values (_topic, ${schema}.bus_run(), _epoch, _epoch_id, 0, true, _due)
    on conflict do nothing
    returning * into _held;
    if found then
      -- More than are added, so that topics that nobody uses any more become fewer.
      perform ${schema}.bus_clear(4);
      return _held;
    end if;
  end loop;
end
$$;

-- Clears away some of what nobody used for long: messages first, a day later the topic. Whoever holds a topic is not waited for.
create function ${schema}.bus_clear(_most int) returns void language plpgsql as $$
declare
  _old ${schema}.topic;
  _gone int;
begin
  for _old in select * from ${schema}.topic where due < now() order by due limit _most for update skip locked loop
    if not _old.kept then
      delete from ${schema}.topic where topic = _old.topic;
      continue;
    end if;
    delete from ${schema}.message where epoch_id = _old.epoch_id and position in (
      select position from ${schema}.message where epoch_id = _old.epoch_id order by position limit 500
    );
    get diagnostics _gone = row_count;
    if _gone < 500 then
      update ${schema}.topic set kept = false, due = now() + interval '1 day' where topic = _old.topic;
    end if;
  end loop;
end
$$;

-- Publishes messages of several topics, which it locks in one order; gives the position of each. A message is announced as
-- "epoch offset base64", one too long for NOTIFY as "epoch offset", to be read.
create function ${schema}.bus_publish(
  _seed text, _history int, _life_ms bigint,
  _channels text[], _topics bytea[], _ids bytea[], _starts int[], _sizes int[], _bytes bytea
) returns table ("at" int, epoch text, "offset" bigint) language plpgsql as $$
#variable_conflict use_column
declare
  _i int;
  _held ${schema}.topic;
  _position bigint;
  _message bytea;
begin
  for _i in select i from generate_subscripts(_topics, 1) i order by _topics[i], i loop
    _held := ${schema}.bus_hold(_topics[_i], _seed, _life_ms);
    select position into _position from ${schema}.message where epoch_id = _held.epoch_id and id = _ids[_i];
    if not found then
      _position := _held.head + 1;
      _message := substr(_bytes, _starts[_i], _sizes[_i]);
      insert into ${schema}.message values (_held.epoch_id, _position, _ids[_i], _message);
      update ${schema}.topic t set
        head = _position, kept = true,
        due = case when t.kept and t.due > now() + _life_ms * interval '0.9 ms' then t.due
          else now() + _life_ms * interval '1 ms' end
      where topic = _topics[_i];
      if _position % 64 = 0 then
        delete from ${schema}.message where epoch_id = _held.epoch_id and position <= _position - _history;
        perform ${schema}.bus_clear(1);
      end if;
      perform pg_notify(_channels[_i], concat_ws(' ', _held.epoch, _position,
        case when _sizes[_i] <= 5700 then encode(_message, 'base64') end));
    end if;
    at := _i;
    epoch := _held.epoch;
    "offset" := _position;
    return next;
  end loop;
end
$$;

-- First epoch and end of a topic, and whether messages after the offset are gone; then those that are there. Nothing but the
-- first row where no epoch is given.
create function ${schema}.bus_read(
  _seed text, _life_ms bigint, _topic bytea, _epoch text, _offset bigint, _limit int
) returns table (epoch text, "offset" bigint, truncated boolean, bytes bytea) language plpgsql as $$
#variable_conflict use_column
declare
  _held ${schema}.topic;
  _is_known boolean;
  _seen bigint;
  _oldest bigint;
begin
  select * into _held from ${schema}.topic where topic = _topic;
  if not found or _held.run <> ${schema}.bus_run() then
    _held := ${schema}.bus_hold(_topic, _seed, _life_ms);
  end if;
  if _epoch is null then
    return query select _held.epoch, _held.head, false, null::bytea;
    return;
  end if;
  _is_known := _epoch = _held.epoch and _offset <= _held.head;
  _seen := case when _is_known then _offset else 0 end;
  select m.position into _oldest from ${schema}.message m
  where m.epoch_id = _held.epoch_id and m.position > _seen and m.position <= _held.head order by m.position limit 1;
  return query select _held.epoch, _held.head, not _is_known or coalesce(_oldest, _held.head + 1) > _seen + 1, null::bytea;
  return query select _held.epoch, m.position, false, m.bytes from ${schema}.message m
    where m.epoch_id = _held.epoch_id and m.position > _seen and m.position <= _held.head order by m.position limit _limit;
end
$$;
`;
}
