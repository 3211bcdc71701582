import { indexedSql } from './indexed.js';

/**
 * Statements of the marks; `schema` is quoted. Each is one round trip, and reads as of one moment. Marks are looked up one by one
 * (`lateral`, `limit 1`): what the planner believes of a table that changes so fast made it read a whole epoch for each.
 */
export function marksStatements(schema: string) {
  const heads = (
    numbers: string,
  ): string => `select 'head' as kind, p.number, null::bigint as at, p.epoch, p.head as position,
  p.nonce, ${schema}.marks_micros(p.began) as since, p.from_epoch, p.from_head, p.run = ${schema}.marks_run() as here,
  (select value from ${schema}.settings where name = 'partitions') as partitions,
  ${schema}.marks_micros(statement_timestamp()) as now, null::bigint as life, null::bytea as name, null::bytea as value
from ${schema}.partition p${numbers}`;

  return {
    /** $1 partitions; $2 subjects, $3 the partition of each. Heads, and the marks of those that were bumped. */
    read: `with part as materialized (select number, epoch_id from ${schema}.partition)
${heads(' where p.number = any($1::int[])')}
union all
select 'mark', null, s.at, null, m.position, m.nonce, null, null, null, null, null, null, null, null, null
from unnest($2::bytea[], $3::int[]) with ordinality s(subject, number, at)
cross join lateral (
  select m.position, m.nonce from part join ${schema}.mark m on m.epoch_id = part.epoch_id and m.subject = s.subject
  where part.number = s.number
  limit 1
) m`,

    /**
     * $1 keys; $2 what is appended to the subjects that entries name; $3 subjects asked for, $4 the partition of each; $5 partitions. Heads,
     * entries, the marks of the subjects asked for that were bumped, and all subjects of entries with their marks.
     */
    fetch: `with held as materialized (
  select k.at, e.value, e.subjects, e.expires_at
  from unnest($1::bytea[]) with ordinality k(key, at)
  join ${schema}.entry e on e.key = k.key
  where e.value is not null and (e.expires_at is null or e.expires_at > statement_timestamp())
), named as (
  select distinct s.subject || $2::bytea as name from held cross join unnest(held.subjects) s(subject)
), wanted as (
  select a.at, a.number, a.subject, null::bytea as name
  from unnest($3::bytea[], $4::int[]) with ordinality a(subject, number, at)
  union all
  select null, null, ${indexedSql('name')}, name from named
), part as materialized (select number, epoch_id from ${schema}.partition)
${heads(' where p.number = any($5::int[])')}
union all
select 'entry', null, held.at, null, null, null, null, null, null, null, null, null,
  (extract(epoch from held.expires_at - statement_timestamp()) * 1000000)::bigint, null, held.value
from held
union all
select 'mark', null, w.at, null, m.position, m.nonce, null, null, null, null, null, null, null, w.name, null
from wanted w
left join lateral (
  select m.position, m.nonce from part join ${schema}.mark m on m.epoch_id = part.epoch_id and m.subject = w.subject
  where w.number is null or part.number = w.number
  limit 1
) m on true
where w.name is not null or m.position is not null`,

    open: `select ${schema}.marks_open($1, $2, $3, $4::int[])`,
    bump: `select number, epoch, prev, position, nonce
from ${schema}.marks_bump($1, $2, $3, $4, $5, $6::int[], $7::int[], $8::bytea[], $9::text[])`,
    newEpoch: `select number, epoch, head as position, nonce, from_epoch, from_head
from ${schema}.marks_new_epoch($1, $2, $3, $4, $5)`,
  };
}

export type MarksStatements = ReturnType<typeof marksStatements>;
