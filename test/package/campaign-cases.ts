import { expect } from 'vitest';
import { type EventReader, type ServerEvent, listen } from '../world/server-events.js';

// What the service of examples/campaign is asked for, whichever framework serves it. Each case is asked of two replicas, which
// are one and the same where a process is alone, and leaves to the next what it does not name.

export interface Init {
  readonly method?: string;
  readonly body?: unknown;
  readonly after?: string;
}
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** The receipt of a write. */
  readonly after: string;
}
export interface Replica {
  readonly url: string;
  readonly ask: (path: string, init?: Init) => Promise<Answer>;
}

/** Where frameworks differ: how they put an error and what is well into an answer. */
export interface Convention {
  readonly refusal: (status: number, code: string) => object;
  readonly ready: object;
  readonly health: (of: object) => object;
}

interface Asked {
  readonly one: Replica;
  readonly other: Replica;
  readonly convention: Convention;
}
interface CampaignCase {
  readonly name: string;
  readonly run: (asked: Asked) => Promise<void>;
}

export const CAMPAIGN_CASES: readonly CampaignCase[] = [
  {
    name: 'the whole tree is read, with computed fields, structures and state variables',
    run: async ({ one, other }) => {
      const harrow = {
        ...{ id: 's1', kingdomId: 'k1', name: 'Harrow', level: 3, x: 10, y: 10, version: 1, income: 30 },
        isTradeHub: false,
        structures: [{ id: 'm1', settlementId: 's1', kind: 'mill', level: 1 }],
        variables: [{ id: 'v2', kingdomId: null, settlementId: 's1', key: 'walls', value: 2 }],
      };
      const mora = {
        ...{ id: 's2', kingdomId: 'k1', name: 'Mora', level: 6, x: 13, y: 14, version: 1, income: 60 },
        ...{
          isTradeHub: true,
          structures: [{ id: 'm2', settlementId: 's2', kind: 'market', level: 2 }],
          variables: [],
        },
      };
      const tarn = {
        ...{ id: 's3', kingdomId: 'k2', name: 'Tarn', level: 4, x: 300, y: 200, version: 1, income: 20 },
        ...{ isTradeHub: false, structures: [], variables: [] },
      };
      const tree = {
        ...{ id: 'c1', name: 'The Northmarch' },
        kingdoms: [
          { id: 'k1', campaignId: 'c1', name: 'Aldermoor', taxRate: 10, settlements: [harrow, mora] },
          { id: 'k2', campaignId: 'c1', name: 'Brack', taxRate: 5, settlements: [tarn] },
        ],
      };
      for (const { ask } of [one, other]) {
        expect(await ask('/campaigns/c1')).toMatchObject({ status: 200, body: tree });
        expect((await ask('/settlements/s1')).body).toEqual(harrow);
      }
    },
  },
  {
    name: 'an edit is answered with the row, and seen by whoever sends its x-after',
    run: async ({ one, other }) => {
      await other.ask('/settlements/s3');
      const edited = await one.ask('/settlements/s3', { method: 'PATCH', body: { name: 'Tarnwick', version: 70 } });
      expect(edited).toMatchObject({ status: 200, after: expect.stringMatching(/^1\./) as string });
      const row = { id: 's3', kingdomId: 'k2', name: 'Tarnwick', level: 4, x: 300, y: 200, version: 2 };
      expect(edited.body).toEqual(row);
      expect((await other.ask('/settlements/s3', { after: edited.after })).body).toMatchObject(row);
      const tree = await other.ask('/campaigns/c1', { after: edited.after });
      expect(tree.body).toMatchObject({ kingdoms: [{}, { settlements: [row] }] });
    },
  },
  {
    name: 'edits at the same time have a version each, in the order that they were made',
    run: async ({ one, other }) => {
      const { version: from } = (await one.ask('/settlements/s2')).body as { version: number };
      const edits = await Promise.all(
        Array.from({ length: 8 }, (_, level) =>
          (level % 2 ? one : other).ask('/settlements/s2', { method: 'PATCH', body: { level } }),
        ),
      );
      const versionOf = ({ body }: Answer) => (body as { version: number }).version;
      edits.sort((a, b) => versionOf(a) - versionOf(b));
      expect(edits.map((edit) => versionOf(edit) - from)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      const { body, after } = edits.at(-1) as Answer;
      expect((await other.ask('/settlements/s2', { after })).body).toMatchObject(body as object);
    },
  },
  {
    name: 'whoever follows a settlement is told of its edits, with its version, and of what is built there',
    run: async ({ one, other }) => {
      const live = await follow(other);
      const { body } = await one.ask('/settlements/s1', { method: 'PATCH', body: { level: 2 } });
      const { version } = body as { version: number };
      const changes = ({ event }: ServerEvent) => event === 'change';
      expect(await nextOf(live, changes)).toMatchObject({
        ...{ entityId: 's1', entityType: 'settlement', op: 'update', version },
        ...{ changes: { values: { level: 2 } }, modifiedBy: 'ann' },
      });
      await one.ask('/settlements/s1/structures/m7', { method: 'PUT', body: { kind: 'well' } });
      expect(await nextOf(live, changes)).toMatchObject({
        ...{ entityId: 'm7', entityType: 'structure', op: 'create', modifiedBy: 'ann' },
      });
      const back = await one.ask('/settlements/s1', { method: 'PATCH', body: { level: 3 } });
      expect(await nextOf(live, changes)).toMatchObject({ entityId: 's1', version: version + 1 });
      expect(back.body).toMatchObject({ level: 3, version: version + 1 });
    },
  },
  {
    name: 'a market makes a trade hub of a place, which is told where nobody wrote',
    run: async ({ one, other }) => {
      expect((await other.ask('/settlements/s1')).body).toMatchObject({ isTradeHub: false });
      const live = await follow(other);
      const built = await one.ask('/settlements/s1/structures/m9', { method: 'PUT', body: { kind: 'market' } });
      expect(built).toMatchObject({ status: 200 });
      expect(built.body).toEqual({ id: 'm9', settlementId: 's1', kind: 'market', level: 1 });
      const hub = await other.ask('/settlements/s1', { after: built.after });
      expect(hub.body).toMatchObject({
        isTradeHub: true,
        structures: [{ kind: 'mill' }, { kind: 'well' }, { kind: 'market' }],
      });
      const hubs = ({ event, data }: ServerEvent) => event === 'computed' && data['field'] === 'isTradeHub';
      expect(await nextOf(live, hubs)).toMatchObject({ entityId: 's1', after: true });
    },
  },
  {
    name: 'a state variable of a settlement or of a kingdom is written',
    run: async ({ one, other }) => {
      const walls = { settlementId: 's1', key: 'walls', value: 5 };
      const wrote = await one.ask('/variables/v2', { method: 'PUT', body: walls });
      expect(wrote).toMatchObject({ status: 200, body: { id: 'v2', kingdomId: null, ...walls } });
      expect((await other.ask('/settlements/s1', { after: wrote.after })).body).toMatchObject({
        variables: [{ id: 'v2', value: 5 }],
      });
      const treasury = { kingdomId: 'k2', key: 'treasury', value: 70 };
      expect((await one.ask('/variables/v9', { method: 'PUT', body: treasury })).body).toEqual({
        ...{ id: 'v9', settlementId: null, ...treasury },
      });
    },
  },
  {
    name: 'the map elsewhere follows a move',
    run: async ({ one, other }) => {
      const near = async (after?: string): Promise<string[]> => {
        const { body } = await other.ask('/near?x=10&y=10&radius=6', after === undefined ? {} : { after });
        return (body as { name: string }[]).map(({ name }) => name);
      };
      expect(await near()).toEqual(['Harrow', 'Mora']);
      const moved = await one.ask('/settlements/s2', { method: 'PATCH', body: { x: 300 } });
      expect(moved.body).toMatchObject({ id: 's2', x: 300, name: 'Mora' });
      expect(await near(moved.after)).toEqual(['Harrow']);
    },
  },
  {
    name: 'a rule is saved, explained, and refused if it is wrong or somebody else has saved it since',
    run: async ({ one, convention: { refusal } }) => {
      const { body: rules } = await one.ask('/rules');
      const income = (rules as { id: string }[]).find(({ id }) => id === 'settlement.income');
      const save = (body: object) => one.ask('/rules/settlement.income', { method: 'PUT', body });
      const saved = await save({ ...income, expression: { '*': [{ var: 'settlement.level' }, 100] } });
      expect(saved).toMatchObject({ status: 200, body: { id: 'settlement.income', version: 2 } });
      expect((await one.ask('/settlements/s1')).body).toMatchObject({ income: 300 });
      expect((await one.ask('/rules/why/s1/income')).body).toMatchObject({ by: 'settlement.income' });
      const wrong = await save({ ...income, version: 2, expression: { taxOf: [] } });
      expect(wrong).toMatchObject({ status: 400, body: refusal(400, 'RULE_OPERATOR') });
      expect(await save({ ...income })).toMatchObject({ status: 409, body: refusal(409, 'RULE_CONFLICT') });
    },
  },
  {
    name: 'what is not there, and what is no request, is said by its status',
    run: async ({ one: { ask, url }, convention: { refusal } }) => {
      const put = { method: 'PUT', body: { kind: 'mill' } };
      expect((await ask('/campaigns/nowhere')).status).toBe(404);
      expect((await ask('/settlements/nowhere')).status).toBe(404);
      expect((await ask('/settlements/nowhere', { method: 'PATCH', body: { level: 2 } })).status).toBe(404);
      expect((await ask('/settlements/nowhere/structures/m1', put)).status).toBe(404);
      expect((await ask('/settlements/s1', { method: 'PATCH', body: 'not an object' })).status).toBe(400);
      const receipt = await ask('/settlements/s1', { after: 'no receipt' });
      expect(receipt).toMatchObject({ status: 400, body: refusal(400, 'INVALID_RECEIPT') });
      const point = await ask('/near?x=here&y=10&radius=6');
      expect(point).toMatchObject({ status: 400, body: refusal(400, 'INVALID_GEOMETRY') });
      const refused = await listen(url, '/live?room=settlement:s1', { 'x-user': 'mallory' });
      expect(await refused.take(2)).toMatchObject([
        { event: 'welcome' },
        { event: 'ended', data: { code: 'UNAUTHORIZED' } },
      ]);
    },
  },
  {
    name: 'it says that it is alive, ready and well',
    run: async ({ one, other, convention: { ready, health } }) => {
      for (const { ask } of [one, other]) {
        expect((await ask('/health/live')).status).toBe(200);
        expect(await ask('/health/ready')).toMatchObject({ status: 200, body: ready });
        const well = health({ thresholds: { maxLatency: 50 } });
        expect(await ask('/health')).toMatchObject({ status: 200, body: well });
      }
    },
  },
];

/** Harrow, from now on. */
async function follow({ url }: Replica): Promise<EventReader> {
  const live = await listen(url, '/live?room=settlement:s1', { 'x-user': 'bea' });
  expect(await live.take(2)).toMatchObject([{ event: 'welcome' }, { event: 'subscribed' }]);
  return live;
}

/** What the next event of a kind says. */
async function nextOf(live: EventReader, wanted: (event: ServerEvent) => boolean): Promise<ServerEvent['data']> {
  for (;;) {
    const told = await live.next();
    if (told === undefined) throw new Error('The stream has ended.');
    if (wanted(told)) return told.data;
  }
}
