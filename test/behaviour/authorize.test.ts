import { onTestFinished, test, expect } from 'vitest';
import { type RequestedSubject, createTidemark, defineModel, entity } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';

interface Room {
  readonly id: number;
  readonly buildingId: string;
}
const model = defineModel({
  entities: {
    building: entity<{ readonly id: string }>()({}),
    room: entity<Room>()({ parents: { building: 'buildingId' }, parseId: Number }),
  },
});

/** A tide whose authorizer says yes, and what it was asked about. */
function asked() {
  const questions: RequestedSubject[] = [];
  const clock = fakeClock();
  const tide = createTidemark({
    model,
    origin: { building: { byIds: () => [] }, room: { byIds: () => [], childrenOf: { building: () => [] } } },
    clock,
    authorize: (_, subject) => {
      questions.push(subject);
      return true;
    },
  });
  onTestFinished(() => tide.close());
  return { tide, clock, questions };
}

test('an authorizer is told the id of an entity as the model has it', async () => {
  const { tide, clock, questions } = asked();
  const scope = tide.scope({ principal: 'ada' });
  scope.subscribe({ type: 'room', id: 7 });
  scope.subscribe(tide.subject.entity('building', 'b:1'));
  scope.subscribe({ type: 'room' });
  await clock.advance(0);
  expect(questions.map(({ kind, type, id }) => [kind, type, id])).toEqual([
    ['entity', 'room', 7],
    ['entity', 'building', 'b:1'],
    ['type', 'room', undefined],
  ]);
});

test('and whose children a list has', async () => {
  const { tide, clock, questions } = asked();
  tide.scope({ principal: 'ada' }).subscribe(tide.subject.list('room', { building: 'b:1' }));
  await clock.advance(0);
  expect(questions).toMatchObject([
    { kind: 'list', type: 'room', id: undefined, parent: { type: 'building', id: 'b:1' } },
  ]);
});

test('a connection that asks by name, and for a room, is asked about likewise', async () => {
  const { tide, clock, questions } = asked();
  const connection = tide.realtime.connect({ principal: 'ada', until: Infinity, send: () => {}, close: () => {} });
  await connection.receive({ kind: 'subscribe', key: 'one', target: { type: 'room', id: 7 } });
  await connection.receive({ kind: 'subscribe', key: 'all', target: { room: 'building:b1' } });
  await clock.advance(0);
  expect(questions).toMatchObject([
    { kind: 'entity', type: 'room', id: 7 },
    { kind: 'entity', type: 'building', id: 'b1' },
    { kind: 'list', type: 'room', parent: { type: 'building', id: 'b1' } },
  ]);
});
