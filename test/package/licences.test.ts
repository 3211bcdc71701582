import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
  readonly resolved?: string;
}

const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>;
};
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

const PERMISSIVE = /^(MIT|ISC|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|0BSD|BlueOak-1\.0\.0|Unlicense)$/;

test('everything that an app installs with tidemark is permissively licensed', () => {
  const shipped = locked.filter(([, { dev }]) => dev !== true);
  expect(shipped.length).toBeGreaterThan(0);
  const refused = shipped.filter(([, { license = 'none' }]) => !PERMISSIVE.test(license));
  expect(refused.map(([path, { license }]) => `${path} is under ${license ?? 'no known licence'}`)).toEqual([]);
});

test('the lock names no registry host', () => {
  const named = locked.filter(([, { resolved }]) => resolved?.startsWith('http'));
  expect(named.map(([path]) => `${path}: run npm with omit-lockfile-registry-resolved=true, as .npmrc says`)).toEqual(
    [],
  );
});
