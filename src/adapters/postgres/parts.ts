/*
 * A message longer than NOTIFY takes comes in parts, one after the other, of one transaction. Each is a line that ends with
 * ` <part>/<parts>`, and a piece of the body. Lines are the same in all parts but for that.
 */

/**
 * A message, put together; null for the first parts of one. 'broken': it is none, or a part of it is missing; 'interrupted': what
 * was begun before it never ended.
 */
export type Whole = { readonly line: string; readonly body: string } | null | 'broken' | 'interrupted';

const PART = /^([^\n]*) (\d+)\/(\d+)\n([\s\S]*)$/;

/** Puts the messages of one channel together, in order. */
export function partsReader(): { readonly read: (payload: string) => Whole; readonly forget: () => void } {
  let begun: { readonly line: string; readonly bodies: string[] } | undefined;
  return {
    read: (payload) => {
      const [, line, part, parts, body = ''] = PART.exec(payload) ?? [];
      const earlier = begun;
      begun = undefined;
      if (earlier !== undefined && earlier.line !== line) return 'interrupted';
      if (line === undefined) return 'broken';
      const bodies = [...(earlier?.bodies ?? []), body];
      if (bodies.length !== Number(part)) return 'broken';
      if (part === parts) return { line, body: bodies.join('') };
      begun = { line, bodies };
      return null;
    },
    forget: () => {
      begun = undefined;
    },
  };
}
