import type { TypeName } from '../model.ts';

/** Letters that have no accent to take off, yet are typed without theirs. */
const PLAIN: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ð: 'd',
  đ: 'd',
  þ: 'th',
  ł: 'l',
  ı: 'i',
  ħ: 'h',
  ŧ: 't',
  ŋ: 'n',
  ə: 'e',
};
const ASCII = /^[\x20-\x7e]*$/;

/** Words in small letters without accents, one space between: 'Île-de-Bréhat' is 'ile de brehat'. */
export function fold(text: string): string {
  const small = text.toLowerCase();
  const bare = ASCII.test(small)
    ? small
    : small
        .normalize('NFD')
        .replace(/\p{M}/gu, '')
        .replace(/[ßæœøðđþłıħŧŋə]/g, (letter) => PLAIN[letter] ?? letter);
  return bare.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}

/** How well a name fits a text: 0 is it, 1 begins with it, 2 has a later word that does. */
export type Fit = 0 | 1 | 2;

function fitOf(folded: string, text: string): Fit | null {
  if (folded.startsWith(text)) return folded.length === text.length ? 0 : 1;
  return folded.includes(` ${text}`) ? 2 : null;
}

/** A name that an entity has, or had, in some branch. */
export interface Label {
  readonly type: TypeName;
  readonly id: string;
  readonly name: string;
}

/**
 * Finds labels by the beginning of any of their words. Only ever grows: whoever asks compares a label's name with the
 * one that the entity has now, in the branch that is asked about, and passes over those that differ.
 */
export class NameIndex {
  readonly #labels: readonly Label[];
  readonly #folded: readonly string[];
  /** Each name from each of its words on, in order, and the label that each belongs to. */
  readonly #suffixes: readonly string[];
  readonly #owners: Uint32Array;
  /** Labels that came later: few, so they are looked through. */
  readonly #later = new Map<string, { readonly label: Label; readonly folded: string }>();

  constructor(labels: readonly Label[]) {
    this.#labels = labels;
    const suffixes: string[] = [];
    const owners: number[] = [];
    this.#folded = labels.map(({ name }) => fold(name));
    this.#folded.forEach((folded, label) => {
      let start = folded === '' ? -1 : 0;
      while (start >= 0) {
        suffixes.push(folded.slice(start));
        owners.push(label);
        const space = folded.indexOf(' ', start);
        start = space < 0 ? -1 : space + 1;
      }
    });
    const order = Uint32Array.from(suffixes, (_, at) => at).sort((a, b) => compareText(suffixes[a], suffixes[b]));
    this.#suffixes = Array.from(order, (at) => suffixes[at] ?? '');
    this.#owners = Uint32Array.from(order, (at) => owners[at] ?? 0);
  }

  add(label: Label): void {
    this.#later.set(JSON.stringify([label.type, label.id, label.name]), { label, folded: fold(label.name) });
  }

  /** Visits the labels with a word that begins with the folded text, some more than once. */
  find(text: string, visit: (label: Label, fit: Fit) => void): void {
    for (const { label, folded } of this.#later.values()) {
      const fit = fitOf(folded, text);
      if (fit !== null) visit(label, fit);
    }
    for (let at = this.#first(text); this.#suffixes[at]?.startsWith(text) === true; at++) {
      const owner = this.#owners[at] ?? 0;
      const label = this.#labels[owner];
      if (label === undefined) continue;
      const folded = this.#folded[owner] ?? '';
      visit(label, folded.startsWith(text) ? (folded.length === text.length ? 0 : 1) : 2);
    }
  }

  #first(text: string): number {
    let low = 0;
    let high = this.#suffixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareText(this.#suffixes[middle], text) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
