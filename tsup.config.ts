import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Options } from 'tsup';

/** `./page/main.js?raw` is that file as text: a page comes along wherever the package is bundled. */
const asText: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'as-text',
  setup: (build) => {
    // The name keeps its ending, so that nothing takes a style for one of its own.
    build.onResolve({ filter: /\?raw$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path),
      namespace: 'text',
    }));
    build.onLoad({ filter: /\?raw$/, namespace: 'text' }, async ({ path }) => ({
      contents: await readFile(path.replace(/\?raw$/, ''), 'utf8'),
      loader: 'text',
    }));
  },
};

// tsup prints type errors of its declaration step and exits with 0: `npm run typecheck` is the gate.
const options = {
  entry: {
    index: 'src/index.ts',
    cache: 'src/cache/index.ts',
    cli: 'src/cli/index.ts',
    client: 'src/client/index.ts',
    'client/apollo': 'src/client/apollo/index.ts',
    'client/tanstack': 'src/client/tanstack/index.ts',
    express: 'src/hosts/express/index.ts',
    fastify: 'src/hosts/fastify/index.ts',
    graphql: 'src/hosts/graphql/index.ts',
    grpc: 'src/hosts/grpc/index.ts',
    inspector: 'src/hosts/inspector/index.ts',
    keyv: 'src/adapters/keyv/index.ts',
    metrics: 'src/hosts/metrics/index.ts',
    nest: 'src/hosts/nest/index.ts',
    'node-cache': 'src/adapters/node-cache/index.ts',
    postgres: 'src/adapters/postgres/index.ts',
    realtime: 'src/realtime/index.ts',
    redis: 'src/adapters/redis/index.ts',
    rules: 'src/rules/index.ts',
    'socket-io': 'src/hosts/socket-io/index.ts',
    sse: 'src/hosts/sse/index.ts',
    testing: 'src/testing/index.ts',
    ws: 'src/hosts/ws/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'node22',
  platform: 'node',
  tsconfig: 'tsconfig.build.json',
  dts: true,
  // One copy of each module per format, so that `tidemark` and `tidemark/testing` share their error class.
  splitting: true,
  removeNodeProtocol: false,
  sourcemap: true,
  clean: true,
  esbuildPlugins: [asText],
} satisfies Options;

export default options;
