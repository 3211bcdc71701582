import type { AnyEntityChange, AnyChange } from './change.js';
import { TidemarkError } from '../errors.js';
import type { AnyRow, EntityPlan, Topology } from '../model.js';
import { typeSubject } from '../subject.js';
import { branchOf, chainOf } from './branches.js';
import { planOf } from './cascade.js';
import { typedJson } from './codec.js';

/*
 * What lies in a row of an outbox, `docs/protocol.md` has it: `{ v: 1, namespace?, change }` by the library's own codec,
 * whichever the tide's is; or, written by a trigger, plain JSON `{ v: 1, row }` or `{ v: 1, truncated }`.
 */

const VERSION = 1;

/** @throws `UNENCODABLE` or `CYCLIC_VALUE`, naming the path, for an image that is not plain data. */
export function encodeRow(change: AnyChange, namespace: string | undefined): string {
  const plain =
    'subjects' in change
      ? { ...change, subjects: change.subjects.map(({ kind, type, branch, key }) => ({ kind, type, branch, key })) }
      : change;
  const row = { v: VERSION, ...(namespace === undefined ? {} : { namespace }), change: plain };
  return Buffer.from(typedJson.encode(row)).toString();
}

/** A row image as a trigger writes it: by field `['t', milliseconds]`, `['n' or 'b', digits]` or `['j', JSON]`; null for null. */
type TriggerImage = Readonly<Record<string, readonly [kind: string, value: unknown] | null>>;

interface TriggerRow {
  readonly type: string;
  readonly op: string;
  readonly id: string;
  readonly branch?: string | null;
  /** By field that holds ids: their type. */
  readonly links: Readonly<Record<string, string>>;
  readonly before: TriggerImage | null;
  readonly after: TriggerImage | null;
}

/** Throws for what this version of the library and of the model does not understand. */
export function decodeRow(text: string, topology: Topology, namespace: string | undefined): AnyChange {
  const row = typedJson.decode(Buffer.from(text)) as Readonly<Record<string, unknown>> | null;
  if (row?.['v'] !== VERSION) throw misread('v', String(VERSION), row?.['v']);
  if (typeof row['change'] === 'object' && row['change'] !== null) {
    if (row['namespace'] !== namespace)
      throw misread('namespace', namespace ?? 'none, as of this tide', row['namespace']);
    return row['change'] as AnyChange;
  }
  if (typeof row['row'] === 'object' && row['row'] !== null) return changeOf(row['row'] as TriggerRow, topology);
  if (typeof row['truncated'] === 'string') {
    // What any branch's readers have depends on the root.
    const { root } = topology;
    const { type } = planOf(topology, row['truncated']);
    return { subjects: [{ kind: 'type', type, branch: root, key: typeSubject(type, root) }] };
  }
  throw misread('change', 'a change, a row or a type', Object.keys(row).join(', '));
}

function changeOf(row: TriggerRow, topology: Topology): AnyEntityChange {
  const plan = planOf(topology, row.type);
  const branch = row.branch ?? topology.root;
  const change = { type: plan.type, id: plan.parseId(row.id), op: row.op, branch };
  // Rows of a branch that inherits hide others and uncover them: nobody knows what was seen there before.
  const inherits = (chainOf(topology, branchOf(topology, branch))?.length ?? 2) > 1;
  if (inherits && row.op !== 'update') return { ...change, op: 'update' };
  const [before, after] = [row.before, row.after].map((image) => imageOf(image, { row, plan, topology }));
  const isWhole = [before, after].every((image) => image === null || saysAll(plan, image as AnyRow));
  if (isWhole) return { ...change, before, after };
  // An update without images asserts that nothing moved or was deleted, which nobody knows here.
  return { ...change, op: plan.children.length > 0 && row.op === 'update' ? 'restore' : row.op };
}

function imageOf(
  image: TriggerImage | null,
  { row, plan, topology }: { readonly row: TriggerRow; readonly plan: EntityPlan; readonly topology: Topology },
): AnyRow | null {
  if (image === null) return null;
  const fields = Object.entries(image).map(([field, written]) => {
    if (written === null) return [field, null];
    const type = Object.hasOwn(row.links, field) ? row.links[field] : undefined;
    const value = valueOf(written);
    return [field, type === undefined ? value : planOf(topology, type).parseId(String(value))];
  });
  return { ...(Object.fromEntries(fields) as AnyRow), [plan.idField]: plan.parseId(row.id) };
}

function valueOf([kind, value]: readonly [kind: string, value: unknown]): unknown {
  switch (kind) {
    case 't':
      return new Date(Number(value));
    case 'n': {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : BigInt(String(value));
    }
    case 'b':
      return BigInt(String(value));
    case 'j':
      return value;
    default:
      throw misread('value', "a kind 't', 'n', 'b' or 'j'", kind);
  }
}

/** Whether an image has every field that the model looks at to know where the entity hangs and lies. */
function saysAll(plan: EntityPlan, image: AnyRow): boolean {
  let lacks = false;
  const watched = new Proxy(image, {
    get: (fields, name) => {
      if (typeof name === 'string' && !Object.hasOwn(fields, name)) lacks = true;
      return Reflect.get(fields, name) as unknown;
    },
  });
  try {
    for (const parent of plan.parents) parent.idsOf(watched);
    plan.isDeleted(watched);
    plan.geometryOf?.(watched);
  } catch {
    return false;
  }
  return !lacks;
}

function misread(name: string, expected: string, got: unknown): TidemarkError {
  return new TidemarkError('INVALID_CHANGE', `outbox row, ${name}: expected ${expected}, got ${String(got)}.`);
}
