import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type * as Tidemark from '../src/index.js';

/** The library under test: the real one, or a copy with a fault planted in it. */
export type Library = Pick<typeof Tidemark, 'createTidemark' | 'defineView' | 'memory'>;

/** A fault, as edits of the source. */
export interface Fault {
  readonly name: string;
  readonly edits: readonly (readonly [file: string, from: string, to: string])[];
}

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Copies of the source with faults in them, each built on its own, until `remove`. */
export function createPlanter(): { plant: (fault: Fault) => Promise<Library>; remove: () => void } {
  const copies = mkdtempSync(join(tmpdir(), 'tidemark-faults-'));
  let count = 0;
  return {
    /** An edit that no longer fits is an error. */
    plant: async ({ edits }) => {
      const copy = join(copies, String(count++));
      cpSync(join(ROOT, 'src'), join(copy, 'src'), { recursive: true });
      for (const [file, from, to] of edits) {
        const path = join(copy, 'src', file);
        const parts = readFileSync(path, 'utf8').split(from);
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
    },
    remove: () => {
      rmSync(copies, { recursive: true, force: true });
    },
  };
}
