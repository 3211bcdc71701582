/**
 * Tables and functions of the bus, for a schema given as a checked and quoted name. UNLOGGED: no publication waits for a disk,
 * and a crash empties both, which begins new epochs.
 */
export function busSql(schema: string): string {
  return `-- The number of a topic's last message is known for longer than its messages are kept.
create unlogged table ${schema}.topic (
  topic bytea primary key,
  run text not null,
  epoch text not null,
  top bigint not null,
  used_at timestamptz not null,
  kept boolean not null
) with (fillfactor = 50);
create index topic_used on ${schema}.topic (used_at);
create index topic_kept on ${schema}.topic (used_at) where kept;

create unlogged table ${schema}.message (
  topic bytea,
  position bigint,
  id bytea not null,
  bytes bytea not null,
  primary key (topic, position),
  unique (topic, id)
);
alter table ${schema}.message alter column bytes set storage external;

-- Differs once the server was started again, the database restored or copied, or a table emptied or replaced.
create function ${schema}.bus_run() returns text stable language sql as $$
  select concat_ws('.', (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
    (select oid from pg_database where datname = current_database()),
    pg_relation_filenode('${schema}.topic'), pg_relation_filenode('${schema}.message'))
$$;

-- Locks a topic and gives it as it is on this server: with a new epoch if it is not known, or is of another run.
create function ${schema}.bus_hold(_topic bytea, _seed text) returns ${schema}.topic language plpgsql as $$
declare
  _epoch text := _seed || '.' || (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  _held ${schema}.topic;
begin
  loop
    select * into _held from ${schema}.topic where topic = _topic for no key update;
    if found then
      if _held.run <> ${schema}.bus_run() then
        delete from ${schema}.message where topic = _topic;
        update ${schema}.topic set run = ${schema}.bus_run(), epoch = _epoch, top = 0 where topic = _topic
        returning * into strict _held;
      end if;
      return _held;
    end if;
    delete from ${schema}.message where topic = _topic;
    insert into ${schema}.topic values (_topic, ${schema}.bus_run(), _epoch, 0, clock_timestamp(), false)
    on conflict do nothing
    returning * into _held;
    if found then
      return _held;
    end if;
  end loop;
end
$$;

-- Publishes in the order given, in which topics ascend: whoever needs several locks them in one order. A message is announced
-- with its bytes; one too long for NOTIFY goes in parts. Whatever has an id that is known has no effect.
create function ${schema}.bus_publish(
  _seed text, _history int, _history_ms float8, _topics bytea[], _channels text[], _ids bytea[], _bytes bytea[]
) returns table (epoch text, "position" bigint) language plpgsql as $$
#variable_conflict use_column
declare
  _held ${schema}.topic;
  _known bigint;
  _text text;
  _parts int;
begin
  if current_setting('transaction_isolation') not like 'read %' then
    raise exception 'transaction isolation: expected read committed, got %', current_setting('transaction_isolation')
      using errcode = 'TM001';
  end if;
  for i in 1 .. cardinality(_topics) loop
    _held := ${schema}.bus_hold(_topics[i], _seed);
    if _held.used_at < clock_timestamp() - _history_ms * interval '1 ms' then
      delete from ${schema}.message m where m.topic = _topics[i];
    end if;
    select m.position into _known from ${schema}.message m where m.topic = _topics[i] and m.id = _ids[i];
    if _known is null then
      _known := _held.top + 1;
      insert into ${schema}.message values (_topics[i], _known, _ids[i], _bytes[i]);
      delete from ${schema}.message m where m.topic = _topics[i] and m.position <= _known - _history;
      update ${schema}.topic t set top = _known, used_at = clock_timestamp(), kept = true where t.topic = _topics[i];
      _text := translate(encode(_bytes[i], 'base64'), E'\\n', '');
      _parts := greatest(1, ceil(length(_text) / 7600.0));
      for part in 1 .. _parts loop
        perform pg_notify(_channels[i], concat_ws(' ', _held.epoch, _known, part || '/' || _parts)
          || E'\\n' || substr(_text, 1 + 7600 * (part - 1), 7600));
      end loop;
    end if;
    epoch := _held.epoch;
    position := _known;
    return next;
  end loop;
end
$$;

-- The topic's end, first, and then messages after a position; an empty epoch asks for the end only.
create function ${schema}.bus_read(
  _topic bytea, _seed text, _history_ms float8, _epoch text, _position bigint, _limit int
) returns table (epoch text, "position" bigint, truncated boolean, bytes bytea) language plpgsql as $$
#variable_conflict use_column
declare
  _held ${schema}.topic;
  _seen bigint;
  _first bigint;
begin
  select * into _held from ${schema}.topic where topic = _topic;
  if not found or _held.run <> ${schema}.bus_run() then
    _held := ${schema}.bus_hold(_topic, _seed);
  end if;
  _seen := case when _epoch = _held.epoch and _position <= _held.top then _position else 0 end;
  if _epoch <> '' and _held.used_at >= clock_timestamp() - _history_ms * interval '1 ms' then
    select min(m.position) into _first from ${schema}.message m
    where m.topic = _topic and m.position > _seen and m.position <= _held.top;
  end if;
  epoch := _held.epoch;
  position := _held.top;
  truncated := _epoch <> '' and ((_epoch, _seen) <> (_held.epoch, _position) or coalesce(_first, _held.top + 1) > _seen + 1);
  return next;
  if _first is null then
    return;
  end if;
  return query select _held.epoch, m.position, false, m.bytes from ${schema}.message m
  where m.topic = _topic and m.position > _seen and m.position <= _held.top order by m.position limit _limit;
end
$$;

-- Lets go of messages that are over, and of topics whose end need not be known any more, some at a time. Gives of how many topics.
create function ${schema}.bus_sweep(_history_ms float8, _topic_ms float8, _page int) returns int language plpgsql as $$
declare
  _over bytea[];
  _gone bytea[];
begin
  select array_agg(topic) into _over from (
    select t.topic from ${schema}.topic t where t.kept and t.used_at < clock_timestamp() - _history_ms * interval '1 ms'
    order by t.used_at limit _page for no key update skip locked
  ) page;
  delete from ${schema}.message where topic = any(_over);
  update ${schema}.topic set kept = false where topic = any(_over);
  select array_agg(topic) into _gone from (
    select t.topic from ${schema}.topic t where not t.kept and t.used_at < clock_timestamp() - _topic_ms * interval '1 ms'
    order by t.used_at limit _page for update skip locked
  ) page;
  delete from ${schema}.topic where topic = any(_gone);
  return greatest(coalesce(cardinality(_over), 0), coalesce(cardinality(_gone), 0));
end
$$;
`;
}
