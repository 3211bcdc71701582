import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const MOST_BYTES = 4096;

test('the client is at most 4 KB, minified and gzipped, and takes nothing from the rest of the library', async () => {
  const entry = fileURLToPath(new URL('../../src/client/index.ts', import.meta.url));
  const { outputFiles, metafile } = await build({
    ...{
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      metafile: true,
    },
  });
  expect(gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length).toBeLessThanOrEqual(MOST_BYTES);
  const taken = Object.entries(Object.values(metafile.outputs)[0]?.inputs ?? {}).filter(
    ([, { bytesInOutput }]) => bytesInOutput > 0,
  );
  expect(taken.map(([path]) => path).filter((path) => !path.includes('src/client/'))).toEqual([]);
});
