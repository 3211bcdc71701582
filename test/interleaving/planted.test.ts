import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import { type Library, explore } from './explore.js';
import { CONTROLS, FAULTS, type Fault } from './faults.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const copies = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
const found: string[] = [];

afterAll(() => {
  rmSync(copies, { recursive: true, force: true });
  console.info(`planted faults, found after how many histories:\n${found.join('\n')}`);
});

/** A copy of the source with the fault in it, built on its own. An edit that no longer fits is an error. */
async function plant({ edits }: Fault, name: string): Promise<Library> {
  const copy = join(copies, name);
  cpSync(join(ROOT, 'src'), join(copy, 'src'), { recursive: true });
  for (const [file, from, to] of edits) {
    const path = join(copy, 'src', file);
    const source = readFileSync(path, 'utf8');
    const parts = source.split(from);
    if (parts.length < 2) throw new Error(`${file}: no such text: ${from}`);
    writeFileSync(path, parts.join(to));
  }
  const outfile = join(copy, 'index.mjs');
  await build({
    entryPoints: [join(copy, 'src/index.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    nodePaths: [join(ROOT, 'node_modules')],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as Library;
}

describe('a fault planted in the source is found within 1,000 interleavings', () => {
  test.each(FAULTS.map((fault, i) => [fault.name, fault, i] as const))('%s', async (name, fault, i) => {
    const library = await plant(fault, `fault-${String(i)}`);
    const failure = await explore(library, { seed: 1, runs: 1000, shrink: false });
    expect(failure, 'the interleavings are blind to it').not.toBeNull();
    found.push(`${String(failure?.runs).padStart(5)}  ${name}`);
  });
});

test.each(CONTROLS.map((control, i) => [control.name, control, i] as const))(
  'it is no fault when %s',
  async (_, control, i) => {
    expect(
      await explore(await plant(control, `control-${String(i)}`), { seed: 1, runs: 300, shrink: true }),
    ).toBeNull();
  },
);
