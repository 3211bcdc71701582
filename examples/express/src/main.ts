import type { AddressInfo } from 'node:net';
import { createTidemark } from 'tidemark';
import { openBackends } from '../../campaign/backends.ts';
import { type User, model } from '../../campaign/model.ts';
import { createApp } from './app.ts';

const { rows, parts, close } = await openBackends(process.env);
const tide = createTidemark<typeof model, User>({
  ...{ model, origin: rows.origin, ...parts },
  rules: { source: rows.rules },
  authorize: ({ name }) => name !== 'mallory',
});
tide.on('error', ({ error, where }) => {
  console.error(where, error);
});

const { app, host } = createApp(tide, rows);
const server = app.listen(Number(process.env['PORT'] ?? 3000), () => {
  console.log(`http://localhost:${String((server.address() as AddressInfo).port)}/campaigns/c1`);
});
const stop = host.graceful(server, { drainMs: Number(process.env['DRAIN_MS'] ?? 0) });
// The process ends by itself: nothing is left open.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(close));
