import { readFileSync } from 'node:fs';

/** The blocks of a guide in one language. */
export function blocksOf(guide: string, language: string): string[] {
  const text = readFileSync(new URL(`../../docs/guides/${guide}.md`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, code = '']) =>
    of === language ? [code] : [],
  );
}

export const linesOf = (code: string): number => code.trimEnd().split('\n').length;
