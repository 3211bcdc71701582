import { testCampaign } from './campaign-service.js';

testCampaign({
  folder: 'express',
  main: 'src/main.ts',
  exit: [0, null],
  refusal: (_status, code) => ({ error: { code } }),
  ready: { status: 'ready' },
  health: (of) => of,
});
