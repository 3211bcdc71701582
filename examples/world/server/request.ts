import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Authorize, Clock, IdOf, ParentRef, Scope, View } from 'tidemark';
import type { Credit, WorldTables } from '../data/tables.ts';
import { BRANCHES, type Principal, type TypeName, type WorldModel, type WorldRow, type WorldTide } from '../model.ts';
import { principalOf } from './access.ts';
import { Refused } from './errors.ts';

/** What the whole server works with. */
export interface World {
  readonly tables: WorldTables;
  readonly tide: WorldTide;
  /** The same that the tide asks. */
  readonly authorize: Authorize<Principal>;
  /** The outlines of the kingdoms, as GeoJSON. */
  readonly outlines: () => object;
  readonly credits: readonly Credit[];
  readonly clock: Clock;
  /** Ends what would go on for ever: live streams. */
  readonly closing: AbortSignal;
  /** Told of what was nobody's fault but ours. */
  readonly report: (error: unknown) => void;
}

/** What an HTTP server hands to its handlers. */
export interface Connection {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** One request: who asks, and a scope for each branch that is asked about. */
export interface RequestContext {
  readonly world: World;
  readonly principal: Principal;
  /** Throws NOT_FOUND for a branch that is none. */
  in(branch: string | null | undefined): Here;
}

/** Throws UNAUTHENTICATED. */
export function contextOf(world: World, headers: IncomingHttpHeaders, signal: AbortSignal): RequestContext {
  const principal = principalOf(headers);
  const branches = new Map<string, Here>();
  let spent = 0;
  /** However a query multiplies: nobody gets the world several times over. */
  const spend = (rows: number): void => {
    spent += rows;
    if (spent > MOST_ROWS) throw new Refused('TOO_LARGE', `Expected an answer of at most ${String(MOST_ROWS)} rows.`);
  };
  return {
    world,
    principal,
    in: (branch) => {
      const name = checkedBranch(branch);
      const here = branches.get(name) ?? new Here(world.tide.scope({ branch: name, principal, signal }), spend);
      branches.set(name, here);
      return here;
    },
  };
}

const MOST_ROWS = 200_000;

export function checkedBranch(branch: string | null | undefined): string {
  const name = branch ?? 'main';
  if (Object.hasOwn(BRANCHES, name)) return name;
  throw new Refused('NOT_FOUND', `No branch '${name}'; there are ${Object.keys(BRANCHES).join(', ')}.`);
}

/** A parameter of the URL, as often as it is there. */
export function queried({ query }: { readonly query: Readonly<Record<string, unknown>> }, name: string): string[] {
  return [query[name]].flat().filter((value) => typeof value === 'string');
}

/** A row and where it was read: what hangs beneath it is read there too. */
export type Node<T extends TypeName> = WorldRow<T> & { readonly here: Here };
type Soon<T> = T | Promise<T>;

/** One request in one branch. What tier 1 holds comes at once, so that it costs a resolver no promise. */
export class Here {
  readonly scope: Scope<WorldModel, Principal>;
  readonly #spend: (rows: number) => void;

  constructor(scope: Scope<WorldModel, Principal>, spend: (rows: number) => void) {
    this.scope = scope;
    this.#spend = spend;
  }

  get branch(): string {
    return this.scope.branch;
  }

  get<T extends TypeName>(type: T, id: IdOf<WorldModel, T>): Soon<Node<T> | null> {
    return soon(this.scope.peek(type, id) ?? this.scope.loaders[type].load(id), (row) =>
      row === null ? null : this.#node<T>(row),
    );
  }

  children<T extends TypeName>(type: T, parent: ParentRef<WorldModel, T>, limit = Infinity): Soon<Node<T>[]> {
    return soon(this.scope.peekChildren(type, parent) ?? this.scope.loaders[type].of(parent), (rows) =>
      this.nodes<T>(rows.slice(0, limit)),
    );
  }

  view<Params extends object, Result>(view: View<WorldModel, Params, Result>, params: Params): Soon<Result> {
    return this.scope.peekView(view, params) ?? this.scope.view(view, params);
  }

  nodes<T extends TypeName>(rows: readonly object[]): Node<T>[] {
    this.#spend(rows.length);
    return rows.map((row) => this.#node<T>(row));
  }

  #node<T extends TypeName>(row: object): Node<T> {
    return { ...row, here: this } as unknown as Node<T>;
  }
}

/** `use` of what is at hand at once, of what is still to come then. */
function soon<T, Result>(value: Soon<T>, use: (value: T) => Result): Soon<Result> {
  return value instanceof Promise ? value.then(use) : use(value);
}
