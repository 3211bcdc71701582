import { describeStopping } from './stopping.js';

const program = new URL('stopping-app.ts', import.meta.url);
for (const framework of ['express', 'fastify']) describeStopping(`an app of ${framework}`, { program, framework });
