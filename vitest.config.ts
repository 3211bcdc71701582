import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `npm run test:long` sets TIDEMARK_LONG; property tests then do many more runs.
const long = process.env['TIDEMARK_LONG'] !== undefined;
const testTimeout = long ? 3_600_000 : 120_000;

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Tests and snippets may write `from 'tidemark'`: they get the sources. test/package gets the packed tarball.
  resolve: {
    alias: [
      { find: /^tidemark$/, replacement: source('src/index.ts') },
      { find: /^tidemark\/(keyv|node-cache|postgres|redis)$/, replacement: source('src/adapters/$1/index.ts') },
      {
        find: /^tidemark\/(express|fastify|graphql|grpc|inspector|metrics|nest|socket-io|sse|ws)$/,
        replacement: source('src/hosts/$1/index.ts'),
      },
      { find: /^tidemark\/(.+)$/, replacement: source('src/$1/index.ts') },
    ],
  },
  test: {
    // By default vitest puts nothing in the place of styles, also of those that are read as text.
    css: true,
    // What is waited for comes late on a machine that others use as well.
    expect: { poll: { timeout: 60_000 } },
    // Files that wait for real servers leave a processor to others: by itself vitest takes one less than there are.
    maxWorkers: Math.max(2, availableParallelism()),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/package/**'],
          globalSetup: ['test/services/setup.ts'],
          testTimeout,
          hookTimeout: 60_000, // browsers and servers start in hooks
        },
      },
      {
        extends: true,
        test: { name: 'package', include: ['test/package/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
      },
    ],
  },
});
