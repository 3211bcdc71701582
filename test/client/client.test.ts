import { expect, test } from 'vitest';
import { type Client, type ClientItem, type ClientOptions, createClient } from '../../src/client/index.js';
import { memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { tideOn } from '../realtime/clients.js';
import { fakeBrowser } from './browser.js';
import { fakeLinks } from './links.js';

const SETTLEMENT = { type: 'settlement', id: 's1' } as const;

/** One replica, and as many pages with a client of their own as a test opens. */
function scene() {
  const clock = fakeClock();
  const { marks, bus } = memory({ clock });
  const { tide, rename } = tideOn(bus, clock, { marks });
  const links = fakeLinks(
    clock,
    () => tide,
    () => 1,
    { signals: (value, { name }) => [name, value] },
  );
  const browser = fakeBrowser(clock, () => 1);
  const open = (more: Partial<ClientOptions> = {}): Client =>
    createClient({
      url: 'wss://realm.example/live',
      shared: false,
      platform: browser.open().platform(links.platform, () => 0),
      ...more,
    });
  return { clock, rename, open };
}

/** What a listener was told, in short. */
function listener() {
  const told: string[] = [];
  const listen = (item: ClientItem): void => {
    if (item.kind === 'change') told.push(String(item.changes.values['name']));
    else if (item.kind === 'signal') told.push(`signal ${JSON.stringify(item.value)}`);
    else told.push(item.kind);
  };
  return { told, listen };
}

test.each(['ws', 'sse'] as const)(
  '%s: who subscribes on hearing that it is open is told like any other',
  async (transport) => {
    const { clock, rename, open } = scene();
    const client = open({ transport });
    const [first, second] = [listener(), listener()];
    client.onState(({ status, caughtUp }) => {
      if (status === 'open' && caughtUp === 0 && second.told.length === 0)
        client.subscribe({ type: 'settlement' }, second.listen);
    });
    client.subscribe(SETTLEMENT, first.listen);
    await clock.advance(1000);
    await rename('settlement', 's1', 'one');
    await clock.advance(1000);
    expect(first.told).toEqual(['subscribed', 'one']);
    expect(second.told).toEqual(['subscribed', 'one']);
    client.close();
  },
);

test.each([[{}], [{ overflow: 'coalesce' }]] as const)(
  'a signal is heard by who follows the same with the same branch, whatever else it asked for: %o',
  async (options) => {
    const { clock, open } = scene();
    const [ada, bob] = [listener(), listener()];
    const here = open();
    here.subscribe(SETTLEMENT, ada.listen, options);
    open().subscribe(SETTLEMENT, bob.listen);
    await clock.advance(1000);
    here.signal(SETTLEMENT, { looking: true });
    here.signal({ type: 'settlement' }, 'of what it does not follow');
    await clock.advance(1000);
    expect(ada.told).toEqual(['subscribed']);
    expect(bob.told).toEqual(['subscribed', 'signal ["ada",{"looking":true}]']);
  },
);

test('a signal is said also by who goes on from a cursor', async () => {
  const { clock, open, rename } = scene();
  const cursors: string[] = [];
  const first = open();
  const stop = first.subscribe(SETTLEMENT, (item) => {
    if ('cursor' in item) cursors.push(item.cursor);
  });
  const bob = listener();
  open().subscribe(SETTLEMENT, bob.listen);
  await clock.advance(1000);
  stop();
  await rename('settlement', 's1', 'one');
  const later = listener();
  first.subscribe(SETTLEMENT, later.listen, { since: cursors.at(-1) });
  await clock.advance(1000);
  first.signal(SETTLEMENT, 'here');
  await clock.advance(1000);
  expect(later.told).toEqual(['subscribed', 'one']);
  expect(bob.told).toEqual(['subscribed', 'one', 'signal ["ada","here"]']);
});
