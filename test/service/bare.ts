// What HTTP costs: Express answers every request with one object that it holds, the answer that `ANSWER_OF` gives.
import type { AddressInfo } from 'node:net';
import express from 'express';

const held: unknown = await (await fetch(process.env['ANSWER_OF'] ?? '')).json();
const app = express().disable('x-powered-by');
app.use(express.json({ limit: '100kb' }));
app.get(['/campaigns/:id', '/settlements/:id'], (_request, response) => {
  response.json(held);
});
const server = app.listen(Number(process.env['PORT'] ?? 0), () => {
  console.log(`http://localhost:${String((server.address() as AddressInfo).port)}/campaigns/c1`);
});
