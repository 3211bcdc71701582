const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** '512MB', '2g', '2621kB' in bytes; undefined for what is no size. */
export function bytesOf(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? [];
  return number === undefined ? undefined : Math.round(Number(number) * (UNITS[(unit ?? '').toLowerCase()] as number));
}

/** In whole units of at least 2, as both Redis and PostgreSQL read them: 512MB. */
export function sizeOf(bytes: number): string {
  for (const unit of ['g', 'm', 'k'] as const) {
    const size = UNITS[unit] as number;
    if (bytes >= 2 * size)
      return `${String(Math.round(bytes / size))}${unit === 'k' ? 'kB' : `${unit.toUpperCase()}B`}`;
  }
  return `${String(Math.round(bytes))}B`;
}

/** The one in the middle; undefined of none. */
export const medianOf = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** By how much a server's clock is surely ahead of this machine's, or behind: it was read at some moment of the `tookMs` that asking took. */
export function aheadBy(serverMs: number, wallMs: number, tookMs: number): number {
  const ahead = serverMs + tookMs / 2 - wallMs;
  return Math.sign(ahead) * Math.max(0, Math.abs(ahead) - tookMs / 2);
}
