import type { SpatialAsk, SpatialFilter, SpatialQuestion, SpatialSystem } from '../../contract.js';
import { branchSql, liveSql } from './conditions.js';
import { boxSql, geometrySql, measured, pointSql } from './shapes.js';
import type { Parameters, Statement } from './statement.js';
import { parameters } from './statement.js';
import { type CheckedTable, columnOf, quoted, relationOf } from './tables.js';

/**
 * What a question is in SQL. Rows are `id` as text and `distance`, null where nothing was asked about one; in the order
 * that `Spatial.find` promises. Near, with a column `deletedAt`, is
 *
 * ```sql
 * select t."id"::text as "id", ST_Distance(t."geom", ST_SetSRID(ST_MakePoint($1::float8, $2::float8), $3::int)) as "distance"
 * from "places" t
 * where ST_DWithin(t."geom", ST_SetSRID(ST_MakePoint($1::float8, $2::float8), $3::int), $5::float8)
 *   and t."deleted_at" is null
 * order by "distance", t."id"::text collate "C"
 * limit $4::bigint
 * ```
 *
 * with `::geography` behind both geometries where distances are geodesic. The others differ in their `where`:
 *
 * ```sql
 * (ST_Intersects(t."geom", ST_MakeEnvelope($1::float8, $2::float8, $3::float8, $4::float8, $5::int)))  -- inBox
 * ST_Covers(ST_SetSRID(ST_GeomFromGeoJSON($1::text), $2::int), t."geom")                               -- within
 * ST_Within(t."geom", ST_SetSRID(ST_GeomFromGeoJSON($1::text), $2::int))                               -- within, strict
 * ST_Covers(t."geom", ST_SetSRID(ST_MakePoint($1::float8, $2::float8), $3::int))                       -- containing
 * ST_Contains(t."geom", ST_SetSRID(ST_MakePoint($1::float8, $2::float8), $3::int))                     -- containing, strict
 * (t."kind" = any($6) or t."kind" is null)                                                             -- where
 * ```
 *
 * In a table with branches a row counts if of those with its id it is of the nearest branch of the chain, wherever the
 * others are and deleted or not. As a join this would depend on how many rows the planner expects, and PostGIS lets it
 * expect too few.
 *
 * ```sql
 * t."branch"::text = any($5::text[]) and t."branch"::text = (
 *   select n."branch"::text from "places" n where n."id" = t."id" and n."branch"::text = any($5::text[])
 *   order by array_position($5::text[], n."branch"::text) limit 1)
 * ```
 *
 * Throws INVALID_OPTION for a field without a column.
 */
export function findSql(table: CheckedTable, ask: SpatialAsk): Statement {
  const { question, system } = ask;
  const given = parameters();
  const geometry = `t.${quoted(table.geometry)}`;
  if (question.kind === 'near' || question.kind === 'nearest') {
    const from = measured(geometry, system);
    const to = measured(pointSql(given, question.point, system.srid), system);
    const distance = `ST_Distance(${from}, ${to})`;
    const conditions = conditionsOf(table, ask, given);
    const limit = given.add(question.kind === 'near' ? (ask.limit ?? null) : question.count, 'bigint');
    const radius =
      question.kind === 'near'
        ? given.add(question.radius, 'float8')
        : reachSql(given, { table, question, system, from, to, conditions, limit });
    const within = `ST_DWithin(${from}, ${to}, ${radius})`;
    return select(table, { distance, conditions: [within, ...conditions], limit, given });
  }
  const asked = askedSql(given, { geometry, question, srid: system.srid });
  const conditions = [asked, ...conditionsOf(table, ask, given)];
  return select(table, { distance: 'null', conditions, limit: given.add(ask.limit ?? null, 'bigint'), given });
}

interface Parts {
  readonly distance: string;
  readonly conditions: readonly string[];
  readonly limit: string;
  readonly given: Parameters;
}

/** `limit null` is no limit. */
function select(table: CheckedTable, { distance, conditions, limit, given }: Parts): Statement {
  const id = `t.${quoted(table.id)}`;
  const byId = table.idType === 'text' ? `${id}::text collate "C"` : id;
  const text = [
    `select ${id}::text as "id", ${distance} as "distance"`,
    `from ${relationOf(table)} t`,
    `where ${conditions.join('\n  and ')}`,
    `order by ${distance === 'null' ? byId : `"distance", ${byId}`}`,
    `limit ${limit}`,
  ].join('\n');
  return { text, values: given.values };
}

interface Reach {
  readonly table: CheckedTable;
  readonly question: Extract<SpatialQuestion, { kind: 'nearest' }>;
  readonly system: SpatialSystem;
  readonly from: string;
  readonly to: string;
  readonly conditions: readonly string[];
  readonly limit: string;
}

/**
 * Of the nearest, first so many are taken in the order of the index, which is not the one promised: rows at one distance
 * come in any order, and geography is measured on a sphere. None of those promised can be farther away than the farthest
 * of these. The reach is a little more than that, since the index rounds too; what is too much is cut off by the limit.
 *
 * ```sql
 * least($maxDistance, (select max(k."distance") * (1 + 1e-9) + $slack from (
 *   select ST_Distance(t."geom", $point) as "distance" from "places" t
 *   where t."geom" && ST_Expand($point, $maxDistance + $slack) and …
 *   order by t."geom" <-> $point limit $count) k))
 * ```
 */
function reachSql(given: Parameters, reach: Reach): string {
  const { table, question, from, to, limit } = reach;
  const { point, maxDistance } = question;
  const slack = 1e-6 + 1e-12 * (Math.abs(point.x) + Math.abs(point.y));
  const conditions = [...reach.conditions];
  if (maxDistance !== undefined) {
    const bound = given.add(maxDistance * (1 + 1e-9) + slack, 'float8');
    // Of a box the planner knows how many rows are in it, of ST_DWithin it does not; on the globe there is no box.
    const isGeodesic = reach.system.distance === 'geodesic';
    conditions.push(isGeodesic ? `ST_DWithin(${from}, ${to}, ${bound})` : `${from} && ST_Expand(${to}, ${bound})`);
  }
  const candidates = [
    `select ST_Distance(${from}, ${to}) as "distance" from ${relationOf(table)} t`,
    `where ${conditions.join(' and ') || 'true'}`,
    `order by ${from} <-> ${to} limit ${limit}`,
  ].join(' ');
  const far = `(select max(k."distance") * (1 + 1e-9) + ${given.add(slack, 'float8')} from (${candidates}) k)`;
  return maxDistance === undefined ? far : `least(${given.add(maxDistance, 'float8')}, ${far})`;
}

interface Asked {
  readonly geometry: string;
  readonly question: Extract<SpatialQuestion, { kind: 'inBox' | 'within' | 'containing' }>;
  readonly srid: number;
}

function askedSql(given: Parameters, { geometry, question, srid }: Asked): string {
  switch (question.kind) {
    case 'inBox': {
      const boxes = question.boxes.map((box) => `ST_Intersects(${geometry}, ${boxSql(given, box, srid)})`);
      return `(${boxes.join(' or ')})`;
    }
    case 'within': {
      const region = geometrySql(given, question.region, srid);
      return question.strict ? `ST_Within(${geometry}, ${region})` : `ST_Covers(${region}, ${geometry})`;
    }
    case 'containing':
      return `${question.strict ? 'ST_Contains' : 'ST_Covers'}(${geometry}, ${pointSql(given, question.point, srid)})`;
  }
}

/** What a row has to be beside where it is. */
function conditionsOf(table: CheckedTable, ask: SpatialAsk, given: Parameters): readonly string[] {
  return [
    ...liveSql(table),
    ...ask.where.map((filter) => filterSql(table, filter, given)),
    ...branchSql(table, ask.branches, given),
  ];
}

function filterSql(table: CheckedTable, { field, oneOf }: SpatialFilter, given: Parameters): string {
  const column = `t.${quoted(columnOf(table, field))}`;
  const values = oneOf.filter((value) => value !== null);
  if (values.length === oneOf.length) return `${column} = any(${given.add(values)})`;
  if (values.length === 0) return `${column} is null`;
  return `(${column} = any(${given.add(values)}) or ${column} is null)`;
}
