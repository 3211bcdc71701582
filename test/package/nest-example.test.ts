import { testCampaign } from './campaign-service.js';
import { compileNest } from './linked.js';

testCampaign({
  folder: 'nest',
  main: 'dist/nest/src/main.js',
  compile: compileNest,
  exit: [null, 'SIGTERM'],
  refusal: (statusCode, code) => ({ statusCode, code }),
  ready: { info: { world: { state: 'ready' } } },
  health: (world) => ({ info: { world } }),
});
