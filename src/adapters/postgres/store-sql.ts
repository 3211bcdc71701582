/** Statements of the store; `schema` is quoted. Each is one round trip. Rows are locked in order of their keys. */
export function storeStatements(schema: string) {
  const entry = `${schema}.entry`;
  const live = (row: string): string =>
    `${row}.value is not null and (${row}.expires_at is null or ${row}.expires_at > statement_timestamp())`;
  const expiry = (ttlMs: string): string => `statement_timestamp() + ${ttlMs}::float8 * interval '1 millisecond'`;
  const columns = 'key, name, value, subjects, expires_at, epoch, position';
  const replace = `set name = excluded.name, value = excluded.value, subjects = excluded.subjects,
  expires_at = excluded.expires_at, epoch = excluded.epoch, position = excluded.position`;

  return {
    /** $1 keys. */
    getMany: `select k.at, e.value, (extract(epoch from e.expires_at - statement_timestamp()) * 1000000)::bigint as life
from unnest($1::bytea[]) with ordinality k(key, at) join ${entry} e on e.key = k.key
where ${live('e')}`,

    /**
     * $1 keys, each once; $2 whole keys of long ones; $3 lives; $4 all values, $5 where each begins, $6 its size; $7 all subjects
     * that values name, $8 and $9 the first and the last of each.
     */
    setMany: `insert into ${entry} as e (${columns})
select o.key, o.name, substr($4::bytea, o.start, o.size), ($7::bytea[])[o.first : o.last], ${expiry('o.ttl')}, null, null
from unnest($1::bytea[], $2::bytea[], $3::float8[], $5::int[], $6::int[], $8::int[], $9::int[])
  o(key, name, ttl, start, size, first, last)
order by o.key
on conflict (key) do update ${replace}`,

    /** $1 key, $2 whole key of a long one, $3 value, $4 subjects, $5 life. */
    setIfAbsent: `insert into ${entry} as e (${columns})
values ($1, $2, $3, $4::bytea[], ${expiry('$5')}, null, null)
on conflict (key) do update ${replace}
where not (${live('e')})
returning 1`,

    /** The same, $3 null for a deletion; $6 epoch, $7 position. */
    setIfNewer: `insert into ${entry} as e (${columns})
values ($1, $2, $3, $4::bytea[], ${expiry('$5')}, $6, $7)
on conflict (key) do update ${replace}
where e.epoch is distinct from excluded.epoch or e.position <= excluded.position or e.expires_at <= statement_timestamp()
returning 1`,

    /** $1 key, $2 value, $3 life. */
    renewIf: `update ${entry} e set expires_at = ${expiry('$3')} where key = $1 and value = $2 and ${live('e')} returning 1`,

    /** $1 key, $2 value. */
    deleteIf: `delete from ${entry} e where key = $1 and value = $2 and ${live('e')} returning 1`,

    /** $1 keys. Gives how many of them held a value. */
    deleteMany: `with held as (
  select key from ${entry} where key = any($1::bytea[]) order by key for update
), gone as (
  delete from ${entry} e using held where e.key = held.key returning ${live('e')} as live
)
select count(*) filter (where live) as deleted from gone`,

    /** $1 first key, $2 the first one beyond, $3 how many. */
    page: `select e.key, e.name, ${live('e')} as live from ${entry} e where e.key >= $1 and e.key < $2 order by e.key limit $3`,

    size: `select pg_total_relation_size('${entry}') as bytes,
  pg_relation_size('${entry}') / current_setting('block_size')::int as pages`,

    /** $1 percent of the table's pages. */
    sample: `select e.key, e.name from ${entry} e tablesample system ($1::real) where ${live('e')}`,

    /** $1 how many. Passes over what somebody else is about to write. */
    sweep: `with old as (
  select key from ${entry} where expires_at <= statement_timestamp() order by expires_at limit $1 for update skip locked
)
delete from ${entry} e using old where e.key = old.key returning 1`,
  };
}
