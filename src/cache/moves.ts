import type { SubjectKey } from '../contract.js';
import { subjectKinds, subjectParts } from '../subject.js';
import type { MarkCell } from './mark-cell.js';

/** Where an answer came from. Shapes are what the spatial part makes of geometries: opaque here. */
export interface Place {
  meets(shape: never): boolean;
}

interface Move {
  /** Of the table, when its marks were raised. */
  readonly version: number;
  readonly shapes: readonly never[];
}

/** So many are known of a type and branch; what is older than the oldest counts as changed. */
const MOST_MOVES = 2000;

/**
 * What changed where, exactly: the cells of the map are coarse, and of all the answers that reach into a cell most lie beside
 * what changed in it. Of a change made here the geometries are known; of one that is heard of, the cells that they lie in.
 * Nothing is looked for when something changes: whoever meets an answer whose cells have moved asks whether that concerned it.
 */
export class Moves {
  readonly #shapeOfCell: (cell: string) => unknown;
  readonly #logs = new Map<string, Move[]>();
  /** By change of this replica that is on its way, then by type and branch. */
  readonly #own = new Map<string, ReadonlyMap<string, readonly unknown[]>>();
  /** By type and branch: what moved up to this version is not all known. */
  readonly #floors = new Map<string, number>();
  #floor = 0;

  constructor(shapeOfCell: (cell: string) => unknown) {
    this.#shapeOfCell = shapeOfCell;
  }

  /** A change of this replica is about to be made: where it was and is, by {@link areaKey}. */
  expect(changeId: string, shapes: ReadonlyMap<string, readonly unknown[]>): void {
    if (shapes.size > 0) this.#own.set(changeId, shapes);
  }

  /** It has been made. */
  made(changeId: string): void {
    this.#own.delete(changeId);
  }

  /** Marks of these subjects, of one change, have been raised. */
  raised(subjects: readonly SubjectKey[], changeId: string, version: number): void {
    const cells = new Map<string, string[]>();
    for (const subject of subjects) {
      if (!isOfCell(subject)) continue;
      const key = keyOf(subject);
      const found = cells.get(key) ?? [];
      cells.set(key, found);
      if (subject.startsWith(UNDER)) found.push(subjectParts(subject)[2] as string);
    }
    const own = this.#own.get(changeId);
    for (const [key, covered] of cells) {
      const shapes = own?.get(key) ?? covered.map(this.#shapeOfCell);
      if (shapes.length === 0) this.#floors.set(key, version);
      else this.#add(key, { version, shapes: shapes as readonly never[] });
    }
  }

  #add(key: string, move: Move): void {
    const log = this.#logs.get(key) ?? [];
    this.#logs.set(key, log);
    log.push(move);
    if (log.length < 2 * MOST_MOVES) return;
    const dropped = log.splice(0, log.length - MOST_MOVES);
    this.#floors.set(key, (dropped.at(-1) as Move).version);
  }

  /** Marks of cells have moved, and nobody knows for what. */
  lost(version: number): void {
    this.#floor = version;
    this.#logs.clear();
  }

  /** Whether nothing that moved these marks since a version concerned a place. */
  spare(place: Place, moved: readonly MarkCell[], since: number): boolean {
    if (this.#floor > since || !moved.every(({ subject }) => isOfCell(subject))) return false;
    return [...new Set(moved.map(({ subject }) => keyOf(subject)))].every((key) => {
      if ((this.#floors.get(key) ?? 0) > since) return false;
      const log = this.#logs.get(key) ?? [];
      for (let i = log.length - 1; i >= 0; i--) {
        const { version, shapes } = log[i] as Move;
        if (version <= since) break;
        if (shapes.some((shape) => place.meets(shape))) return false;
      }
      return true;
    });
  }
}

const CELL = `${subjectKinds.cell}:`;
const UNDER = `${subjectKinds.under}:`;

export function isOfCell(subject: SubjectKey): boolean {
  return subject.startsWith(CELL) || subject.startsWith(UNDER);
}

/** A type in a branch. */
export function areaKey(type: string, branch: string): string {
  return JSON.stringify([type, branch]);
}

function keyOf(subject: SubjectKey): string {
  const [, type = '', , branch = ''] = subjectParts(subject);
  return areaKey(type, branch);
}
