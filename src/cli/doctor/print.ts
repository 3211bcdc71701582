import type { Finding, Level, Section } from './finding.js';

const SIGNS: Readonly<Record<Level, { readonly sign: string; readonly colour: number }>> = {
  ok: { sign: '✓', colour: 32 },
  warning: { sign: '!', colour: 33 },
  error: { sign: '✗', colour: 31 },
  skipped: { sign: '-', colour: 2 },
};

const countOf = (sections: readonly Section[], level: Level): number =>
  sections.flatMap(({ findings }) => findings).filter((one) => one.level === level).length;

/** A line for each finding, and below it how to mend it. */
export function printed(sections: readonly Section[], paint: (text: string, colour: number) => string): string {
  const line = ({ level, what, mend }: Finding): string => {
    const { sign, colour } = SIGNS[level];
    return `  ${paint(sign, colour)} ${what}\n${mend === null ? '' : `      ${paint('→', 2)} ${mend}\n`}`;
  };
  const parts = sections.map(({ where, findings }) => `${paint(where, 1)}\n${findings.map(line).join('')}`);
  const counted = (level: Level, one: string, many: string): string => {
    const count = countOf(sections, level);
    return `${String(count)} ${count === 1 ? one : many}`;
  };
  const errors = counted('error', 'error', 'errors');
  const rest = `${counted('ok', 'check', 'checks')} fine, ${counted('skipped', 'not made', 'not made')}`;
  return `${parts.join('\n')}\n${errors}, ${counted('warning', 'warning', 'warnings')}, ${rest}.\n`;
}

export const inColour = (text: string, colour: number): string => `\u001b[${String(colour)}m${text}\u001b[0m`;
export const plain = (text: string): string => text;

/** For programs. `format` is raised when a field is taken away or changes its meaning; new fields and checks do not raise it. */
export function asJson(sections: readonly Section[]): string {
  const findings = sections.flatMap(({ where, findings }) =>
    findings.map(({ id, level, what, mend }) => ({ id, level, where, what, mend })),
  );
  const counts = {
    ok: countOf(sections, 'ok'),
    warning: countOf(sections, 'warning'),
    error: countOf(sections, 'error'),
    skipped: countOf(sections, 'skipped'),
  };
  return `${JSON.stringify({ format: 1, ok: counts.error === 0, counts, findings }, null, 2)}\n`;
}
