import { randomUUID } from 'node:crypto';
import { type GraphQLResolveInfo, Kind } from 'graphql';
import type { BranchedChange, ChangeOp } from 'tidemark';
import type { Write, Written } from '../data/tables.ts';
import type { TypeName, WorldModel, WorldRow } from '../model.ts';
import { requireEditor } from './access.ts';
import { rowOf } from './cached.ts';
import { Refused } from './errors.ts';
import type { Ref } from './labels.ts';
import { measuring } from './measure.ts';
import type { RequestContext } from './request.ts';

interface Target {
  readonly type: TypeName;
  readonly id: string;
  readonly branch?: string | null | undefined;
}
interface Fields {
  readonly name?: string | null;
  readonly population?: number | null;
  readonly level?: number | null;
  readonly kingdomId?: string | null;
}
interface Editing extends Target {
  readonly expectedVersion?: number | null;
  readonly fields: Fields;
}
interface Moving {
  readonly id: string;
  readonly lon: number;
  readonly lat: number;
  readonly branch?: string | null;
  readonly expectedVersion?: number | null;
}
interface Building {
  readonly settlementId: string;
  readonly name: string;
  readonly kind: string;
  readonly branch?: string | null;
}

const mutations = {
  edit: (
    _: unknown,
    { fields, expectedVersion, ...target }: Editing,
    request: RequestContext,
    info: GraphQLResolveInfo,
  ) => {
    const ref = editable(request, target);
    const given = checkedFields(ref.type, fields);
    return commit(request, { ref, op: 'update', measured: isAskedFor(info, 'changed') }, (write) => {
      const { deleted, version } = rowOf(request.world.tables, ref);
      if (deleted) throw new Refused('NOT_FOUND', 'It was removed.');
      return write(ref.type, ref.branch, ref.id, given, expectedVersion ?? version);
    });
  },
  move: (
    _: unknown,
    { id, lon, lat, branch, expectedVersion }: Moving,
    request: RequestContext,
    info: GraphQLResolveInfo,
  ) => {
    const ref = editable(request, { type: 'settlement', id, branch });
    if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) {
      throw new Refused('BAD_REQUEST', `move: expected degrees, got (${String(lon)}, ${String(lat)}).`);
    }
    return commit(request, { ref, op: 'update', measured: isAskedFor(info, 'changed') }, (write) => {
      const { deleted, version } = rowOf(request.world.tables, ref);
      if (deleted) throw new Refused('NOT_FOUND', 'It was removed.');
      return write('settlement', ref.branch, id, { lon, lat }, expectedVersion ?? version);
    });
  },
  remove: (_: unknown, target: Target, request: RequestContext, info: GraphQLResolveInfo) => {
    const ref = editable(request, target);
    return commit(request, { ref, op: 'delete', measured: isAskedFor(info, 'changed') }, (write) => {
      const { deleted, version } = rowOf(request.world.tables, ref);
      if (deleted) throw new Refused('NOT_FOUND', 'It was removed already.');
      return write(ref.type, ref.branch, ref.id, { deleted: true }, version);
    });
  },
  restore: (_: unknown, target: Target, request: RequestContext, info: GraphQLResolveInfo) => {
    const ref = editable(request, target);
    return commit(request, { ref, op: 'restore', measured: isAskedFor(info, 'changed') }, (write) => {
      const { deleted, version } = rowOf(request.world.tables, ref);
      if (!deleted) throw new Refused('CONFLICT', 'It is there already.');
      return write(ref.type, ref.branch, ref.id, { deleted: false }, version);
    });
  },
  addStructure: (_: unknown, building: Building, request: RequestContext, info: GraphQLResolveInfo) => {
    const { settlementId, name, kind, branch } = building;
    const town = editable(request, { type: 'settlement', id: settlementId, branch });
    const { lon, lat } = rowOf(request.world.tables, { ...town, type: 'settlement' });
    const ref: Ref = { type: 'structure', id: randomUUID(), branch: town.branch };
    const row = { name: checkedText('name', name), kind: checkedText('kind', kind), settlementId, lon, lat };
    return commit(request, { ref, op: 'create', measured: isAskedFor(info, 'changed'), around: town }, (write) =>
      write('structure', ref.branch, ref.id, row, 0),
    );
  },
};

interface Plan {
  readonly ref: Ref;
  readonly op: ChangeOp;
  readonly measured: boolean;
  /** Default: the entity itself. */
  readonly around?: Ref;
}

/**
 * Writes, and tells tidemark what was replaced by what: everything that follows from it is tidemark's to know. Told before
 * the commit, so that an outbox has it in the same transaction.
 */
async function commit(
  request: RequestContext,
  { ref, op, measured, around = ref }: Plan,
  edit: (write: Write) => Promise<Written<TypeName>>,
) {
  const { tables, tide } = request.world;
  const measure = measured ? measuring(request.world, around) : undefined;
  const { value: explanation, receipt } = await tide.transaction(async (changes) => {
    const change = await tables.transaction(async (write, via) => {
      const { before, after } = await edit(write);
      const made = { ...ref, op, before, after, by: request.principal.name } as BranchedChange<WorldModel>;
      await changes.add(made, { via });
      return made;
    });
    return measured ? tide.explain(change) : undefined;
  });
  const changed = explanation === undefined ? undefined : measure?.(explanation);
  const entity = await request.in(ref.branch).get(ref.type, ref.id);
  return { [ref.type]: entity, receipt: receipt.toString(), changed };
}

export const edits = { Mutation: mutations };

function editable(request: RequestContext, { type, id, branch }: Target): Ref {
  requireEditor(request.principal);
  return { type, id, branch: request.in(branch).branch };
}

const EDITABLE: Readonly<Record<TypeName, readonly (keyof Fields)[]>> = {
  campaign: ['name'],
  kingdom: ['name', 'level'],
  settlement: ['name', 'population', 'level', 'kingdomId'],
  structure: ['name', 'level'],
};

/** Throws BAD_REQUEST for a field that the type does not have, or a value that is none. */
function checkedFields(type: TypeName, fields: Fields): Partial<WorldRow> {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  if (given.length === 0) throw new Refused('BAD_REQUEST', 'fields: expected at least one.');
  for (const [name, value] of given as [keyof Fields, unknown][]) {
    if (!EDITABLE[type].includes(name)) throw new Refused('BAD_REQUEST', `fields.${name}: a ${type} has none to edit.`);
    if (typeof value === 'string') checkedText(`fields.${name}`, value);
    else if (!((value as number) >= 0)) throw new Refused('BAD_REQUEST', `fields.${name}: expected 0 or more.`);
  }
  return Object.fromEntries(given);
}

function checkedText(what: string, text: string): string {
  if (text.trim() !== '' && text.length <= 200) return text;
  throw new Refused('BAD_REQUEST', `${what}: expected 1 to 200 characters that are not all white space.`);
}

/** Measuring takes a walk through the cache, so it is done only if somebody wants to know. A fragment might. */
function isAskedFor({ fieldNodes }: GraphQLResolveInfo, field: string): boolean {
  return fieldNodes.some((node) =>
    node.selectionSet?.selections.some((selected) => selected.kind !== Kind.FIELD || selected.name.value === field),
  );
}
