import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { testCampaign } from './campaign-service.js';
import { root, run } from './linked.js';

testCampaign({
  folder: 'nest',
  main: 'dist/nest/src/main.js',
  compile: async (app, tidemark) => {
    // As npm does, since it has peers: what ../campaign is compiled against is to be the same.
    cpSync(tidemark, join(app, 'node_modules/tidemark'), { recursive: true });
    await run(app, join(root, 'node_modules/.bin/tsc'), []);
  },
  exit: [null, 'SIGTERM'],
  refusal: (statusCode, code) => ({ statusCode, code }),
  ready: { info: { world: { state: 'ready' } } },
  health: (world) => ({ info: { world } }),
});
