// The world on three replicas, one Redis and a balancer in front, with a page to break things from.
// `npm run scaled`, then open the address that it prints. `--help` lists the flags.
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stagehand } from './actions.ts';
import { type Answered, Balancer } from './balancer.ts';
import { Control, type Line } from './control.ts';
import { Faults } from './faults.ts';
import { type Flags, USAGE, parseFlags } from './flags.ts';
import { type Stage, setStage } from './stage.ts';
import { Traffic } from './traffic.ts';
import { Watch } from './watch.ts';
import { messageOf } from './words.ts';

const LINES_KEPT = 60;
const HISTORY_MS = 60_000;
const PORTS_TO_TRY = 20;

const flags = flagsOrUsage(process.argv.slice(2));
try {
  console.log('Starting Redis and three replicas …');
  await perform(await setStage(flags, process.env['REDIS_URL'] || undefined));
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}

async function perform(stage: Stage): Promise<void> {
  const story: Line[] = [];
  const requests: Answered[] = [];
  const keep = <Item extends object>(items: Item[], event: string, item: Item): void => {
    items.push(item);
    if (items.length > LINES_KEPT) items.shift();
    control.send(event, item);
  };
  const tell = (text: string): void => {
    keep(story, 'line', { at: Date.now(), text });
  };
  const faults = new Faults(tell);
  const watch = new Watch(stage.replicas, stage.log, stage.ready, (sample) => {
    faults.look(sample, sample.at - HISTORY_MS);
    control.send('sample', sample);
  });
  const balancer = new Balancer(stage.replicas, (answered) => {
    keep(requests, 'request', answered);
  });
  const server = createServer((request, response) => {
    const isOurs = /^\/scaled(?:[/?]|$)/.test(request.url ?? '');
    (isOurs ? control : balancer).handle(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request, socket, head) => {
    balancer.upgrade(request, socket, head);
  });
  const traffic = new Traffic(watch, flags);
  const hand: Stagehand = { stage, balancer, watch, faults, traffic, tell };
  const control = new Control(hand, { samples: watch.samples, story, requests });
  await balancer.check();
  const port = await listening(server, flags.port);
  watch.begin();
  traffic.begin(port);
  const url = `http://localhost:${String(port)}`;
  console.log(`The world, on three replicas: ${url}\nSee how they fare, and break things: ${url}/scaled`);

  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    for (const part of [traffic, watch, balancer, control, server]) part.close();
    server.closeAllConnections();
    void stage.close().then(() => {
      console.log('Closed.');
      process.exit();
    });
  };
  process.on('SIGINT', close).on('SIGTERM', close);
  process.once('disconnect', close); // of whoever started this as a part of something else
}

async function listening(server: Server, port: number): Promise<number> {
  for (let tried = port; ; tried++) {
    server.listen(tried, '127.0.0.1');
    try {
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!taken || tried - port >= PORTS_TO_TRY) throw error;
    }
  }
}

function flagsOrUsage(args: readonly string[]): Flags {
  try {
    if (!args.includes('--help')) return parseFlags(args);
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}
