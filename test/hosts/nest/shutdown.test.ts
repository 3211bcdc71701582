import { describeStopping } from '../http/stopping.js';
import { PLATFORMS } from './world.js';

for (const framework of PLATFORMS)
  describeStopping(`an app of Nest on ${framework}`, { program: new URL('stopping.ts', import.meta.url), framework });
