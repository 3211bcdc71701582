import { join } from 'node:path';
import { testCampaign } from './campaign-service.js';
import { root, run } from './linked.js';

testCampaign({
  folder: 'nest',
  main: 'dist/nest/src/main.js',
  compile: (app) => run(app, join(root, 'node_modules/.bin/tsc'), []),
  exit: [null, 'SIGTERM'],
  refusal: (statusCode, code) => ({ statusCode, code }),
  ready: { info: { world: { state: 'ready' } } },
  health: (world) => ({ info: { world } }),
});
