// The simulator from the command line: `npm run sim` (SIM_SEED, SIM_SEEDS), `npm run sim:draw -- 123 [file.svg]`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { requireNode } from './node-version.mjs';

requireNode();
const root = fileURLToPath(new URL('../', import.meta.url));
const [verb, seed, file] = process.argv.slice(2);
if (verb === 'draw') {
  process.env.SIM_SEED = seed ?? '1';
  process.env.SIM_DRAW = file ?? join(process.cwd(), `sim-${seed ?? '1'}.svg`);
}
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-sim-'));
const outfile = join(scratch, 'sim.mjs');
try {
  await build({
    entryPoints: [join(root, 'test/sim/cli.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    sourcemap: 'inline',
    nodePaths: [join(root, 'node_modules')],
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(join(root, 'package.json'))});`,
    },
    logLevel: 'error',
  });
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
