import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { redis } from '../../../src/adapters/redis/index.js';
import type { SubjectKey } from '../../../src/contract.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { partitionOf } from '../../../src/subject.js';
import { clientOf, clientsOf, describeOwn, ownServer } from '../../services/own.js';

// docs/protocol.md against what is really in Redis after reads, changes, hand-set keys and a new epoch.

const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

/** The rows of the table below a heading whose header begins with this cell. */
function rowsOf(heading: string, first: string): readonly string[][] {
  const section = text.split(/^#+ /m).find((part) => part.startsWith(heading)) ?? '';
  const table = section.split('\n\n').find((block) => block.startsWith(`| ${first} `)) ?? '';
  const cells = (line: string): string[] =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) =>
        cell
          .trim()
          .replace(/^`(.*)`$/, '$1')
          .replaceAll('\\|', '|'),
      );
  return table.trim().split('\n').slice(2).map(cells);
}

const prefix = 'app:';
const namespace = 'tenant';
const formats = new Map(rowsOf('What replicas share', 'name').map(([name = '', format = '']) => [name, format]));
formats.set('<prefix>', prefix).set('<namespace>', `${namespace}:`);

/** The whole of a text in a format. */
function formatOf(format: string): RegExp {
  const expand = (part: string): string =>
    part.replace(/<\w+>/g, (name) => {
      const known = formats.get(name);
      expect(known, `${name} in ${part}`).toBeDefined();
      return `(?:${expand(known ?? '')})`;
    });
  return new RegExp(`^${expand(format)}$`);
}

interface Row {
  readonly name: string;
  readonly matches: RegExp;
  readonly cells: readonly string[];
  seen: boolean;
}
const table = (rows: readonly string[][]): Row[] =>
  rows.map((cells) => ({ name: cells[0] ?? '', matches: formatOf(cells[0] ?? ''), cells, seen: false }));

/** The row of the table for a name; fails if there is none or more than one. */
function rowFor(rows: readonly Row[], name: string): Row {
  const found = rows.filter(({ matches }) => matches.test(name));
  expect(
    found.map((row) => row.name),
    `rows for ${JSON.stringify(name)}`,
  ).toHaveLength(1);
  const [row] = found as [Row];
  row.seen = true;
  return row;
}
const unseen = (rows: readonly Row[]): string[] => rows.filter(({ seen }) => !seen).map(({ name }) => name);

interface Settlement {
  readonly id: string;
  readonly name: string;
}

async function world() {
  const server = await ownServer();
  const clients = clientsOf(server);
  const spy = new Redis({ port: server.port });
  const messages: (readonly [channel: string, message: string])[] = [];
  await spy.psubscribe('*');
  spy.on('pmessageBuffer', (_, channel: Buffer, message: Buffer) => messages.push([String(channel), String(message)]));
  const { store, marks, bus } = redis({ ...clients, prefix });
  const model = defineModel({ entities: { settlement: entity<Settlement>()({ announce: ['name'] }) } });
  const rows = new Map([['ankh', { id: 'ankh', name: 'Ankh' }]]);
  const tide = createTidemark({
    ...{ model, store, marks, bus, namespace },
    origin: { settlement: { byIds: (ids) => ids.flatMap((id) => rows.get(id) ?? []) } },
  });
  onTestFinished(async () => {
    spy.disconnect();
    await tide.close();
  });
  return { client: clientOf(server), tide, marks, bus, messages };
}

describeOwn('docs/protocol.md', () => {
  test('says of every key, field, message and header what is found, and nothing that is not', async () => {
    const { client, tide, marks, bus, messages } = await world();
    const { partition, epoch } = (await marks.heads())[0] ?? expect.fail('a partition');
    await marks.newEpoch(partition, epoch);
    await tide.get('settlement', 'ankh');
    await tide.cache.set('kept', 1);
    await tide.cache.set('gone', 1);
    await tide.cache.del('gone');
    await tide.change({ type: 'settlement', id: 'ankh', op: 'update' });
    await tide.get('settlement', 'ankh');
    await tide.cache.delPattern('none:*');
    await bus.publish('a topic {~} \ud800', Buffer.from('message'), { id: 'an id' });
    await bus.ephemeral?.send('a topic {~} \ud800', Buffer.from('passing'));
    await vi.waitFor(async () => {
      expect(await client.keys('*tm1:[mk]:*')).toHaveLength(3);
    });

    const keys = table(rowsOf('Keys', 'key'));
    const fields = new Map([
      [keys[1], table(rowsOf('Entries', 'in the hash'))],
      [keys[2], table(rowsOf('Marks', 'field'))],
      [keys[3], table(rowsOf('Topics', 'field'))],
    ]);
    for (const key of await client.keys('*')) {
      const row = rowFor(keys, key);
      expect([key, await client.type(key)]).toEqual([key, row.cells[1]]);
      if (row.cells[1] === 'string') checkEntry(await client.getBuffer(key));
      if (row.cells[1] === 'list') {
        const [last = ''] = (await client.lrange(key, 0, -1)).reverse();
        expect(last.split('\n')[0]).toBe(await client.hget(key.slice(0, -2), '#top'));
      }
      if (row.cells[1] !== 'hash') continue;
      for (const [name, value] of Object.entries(await client.hgetallBuffer(key))) {
        const field = rowFor(own(fields.get(row) ?? [], name), name);
        expect(value.toString('latin1'), `${key} ${name}`).toMatch(formatOf(field.cells[1] ?? ''));
        if (name === 'v') checkEntry(value);
      }
    }
    const said = rowsOf('Messages', 'channel').map(([channel = '', format = '']) => ({
      ...{ channel: formatOf(channel), format: formatOf(format), name: format, seen: false },
    }));
    for (const [channel, message] of messages) {
      const found = said.filter((row) => row.channel.test(channel) && row.format.test(message));
      expect(found, `${channel} ${message}`).toHaveLength(1);
      for (const row of found) row.seen = true;
    }
    const documented = [...keys, ...[...fields.values()].flat()];
    expect([...unseen(documented), ...said.filter(({ seen }) => !seen).map(({ name }) => name)]).toEqual([]);
  });

  test('gives the partition of a subject', () => {
    const fnv = (part: string): number => {
      let hash = 0x811c9dc5;
      for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part.charCodeAt(i), 0x01000193) >>> 0;
      return hash;
    };
    const part: Readonly<Record<string, string>> = {
      'entity:settlement:ankh%3A:main': 'ankh%3A',
      'below:settlement:ankh:main': 'ankh',
      'list:structure:settlement:ankh:main': 'ankh',
      'branch:main': 'main',
      'key:kept:tenant': 'kept',
      'cell:settlement:12:main': 'settlement:main',
      'under:settlement:12:main': 'settlement:main',
      'type:settlement:main:tenant': 'settlement:main',
      'rules:settlement:campaign:main': 'settlement:campaign',
    };
    for (const [subject, of] of Object.entries(part))
      expect([subject, partitionOf(subject as SubjectKey, 16)]).toEqual([subject, fnv(of) % 16]);
    expect(partitionOf('patterns:tenant' as SubjectKey, 16)).toBe(0);
  });
});

/** Subjects are whatever does not begin with '#'. */
const own = (rows: readonly Row[], name: string): readonly Row[] =>
  name.startsWith('#') ? rows.filter((row) => row.name === name) : rows.filter((row) => !row.name.startsWith('#'));

/** Reads an entry as the document says it is laid out, without a line of ours. */
function checkEntry(bytes: Buffer | null): void {
  const held = bytes ?? expect.fail('an entry');
  let at = 0;
  const text = (size: number): string => held.toString('utf8', at, (at += size));
  const readers: Record<string, () => unknown> = {
    uint8: () => held.readUInt8((at += 1) - 1),
    uint16: () => held.readUInt16BE((at += 2) - 2),
    float64: () => held.readDoubleBE((at += 8) - 8),
    text16: () => text(held.readUInt16BE((at += 2) - 2)),
    text32: () => text(held.readUInt32BE((at += 4) - 4)),
  };
  const read = (layout: readonly string[]): unknown[] =>
    layout.map((one) => (readers[one] ?? expect.fail(`${one} is not said`))());
  const header: Record<string, unknown> = {};
  const subjects: unknown[] = [];
  for (const [name = '', layout = ''] of rowsOf('Entries', 'in the header')) {
    const [counted, each] = layout.split('×').map((part) => [...part.matchAll(/[a-z]+\d+/g)].map(String));
    if (each === undefined) header[name] = read(counted ?? []);
    else {
      const count = counted?.length === 0 ? subjects.length : Number(read(counted ?? [])[0]);
      const many = Array.from({ length: count }, () => read(each));
      if (name === 'late' || name === 'others') subjects.push(...many.flat());
      header[name] = many;
    }
  }
  expect(header).toMatchObject({ version: [2], late: [], grace: [0], absent: [0], epochs: [[expect.any(String)]] });
  expect(header['marks']).toHaveLength(subjects.length);
  const value: unknown = JSON.parse(text(held.length - at));
  expect([subjects.map(String).toSorted(), value]).toEqual(
    value === 1
      ? [['key:kept'], 1]
      : [['all:settlement:main', 'branch:main', 'entity:settlement:ankh:main'], { id: 'ankh', name: 'Ankh' }],
  );
}
