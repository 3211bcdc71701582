import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COUNTED, type Health, type KindStats, withRate } from '../../src/report.js';
import {
  type Report,
  decodePart,
  decodeQuestion,
  decodeReport,
  encodeQuestion,
  encodeReport,
} from '../../src/realtime/report-frames.js';

const count = fc.oneof(fc.constant(0), fc.nat(), fc.maxSafeNat());
const ms = fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => value + 0);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary);
const counts = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), count, { noNullPrototype: true });
const kind: fc.Arbitrary<KindStats> = fc
  .tuple(...COUNTED.map(() => count))
  .map((values) => withRate(Object.fromEntries(COUNTED.map((field, i) => [field, values[i]])) as never));
const health: fc.Arbitrary<Health> = fc.record({
  status: fc.constantFrom('up', 'degraded', 'down'),
  metrics: fc.record(
    {
      hitRate: orNull(fc.double({ min: 0, max: 1, noNaN: true })),
      redisPingMs: orNull(ms),
      memoryUsageMB: orNull(ms),
      keyCountByType: counts,
      outbox: fc.record({ waiting: count, oldestMs: orNull(ms), refused: count }),
    },
    { requiredKeys: ['hitRate', 'redisPingMs', 'memoryUsageMB', 'keyCountByType'] },
  ),
  thresholds: fc.record({
    minHitRate: ms,
    maxMemory: fc.oneof(ms, fc.constant(Infinity)),
    maxLatency: fc.oneof(ms, fc.constant(Infinity)),
  }),
  issues: fc.array(fc.string({ unit: 'binary' })),
});
const report: fc.Arbitrary<Report> = fc.record(
  {
    from: fc.stringMatching(/^[0-9a-f]{12}$/),
    version: fc.string(),
    upMs: ms,
    countedMs: ms,
    unconfirmedMs: orNull(ms),
    stats: fc
      .tuple(
        kind,
        fc.record({
          patternDeletes: count,
          originCalls: count,
          changes: count,
          enabled: fc.boolean(),
          byType: fc.dictionary(fc.string(), kind, { maxKeys: 60, noNullPrototype: true }),
          tier1: fc.record({ entries: count, bytes: count, marks: count }),
        }),
      )
      .map(([total, rest]) => ({ ...total, ...rest })),
    health,
  },
  { requiredKeys: ['from', 'version', 'upMs', 'countedMs', 'unconfirmedMs', 'stats'] },
);

const joined = (frames: readonly Uint8Array[], from: string): Report =>
  decodeReport(
    from,
    frames.map((frame) => decodePart(frame)!.bytes),
  );
const utf8 = (text: string): Uint8Array => Buffer.from(text);

describe('a report', () => {
  test('arrives as it was, in messages that every bus takes', () => {
    fc.assert(
      fc.property(report, fc.nat(), (sent, answer) => {
        const frames = encodeReport(sent, answer);
        expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThanOrEqual(4096);
        const parts = frames.map((frame) => decodePart(frame));
        for (const [at, part] of parts.entries())
          expect(part).toMatchObject({ from: sent.from, answer: String(answer), at, of: frames.length });
        expect(joined(frames, sent.from)).toEqual(sent);
      }),
    );
  });

  test('of a model of a hundred types fits in', () => {
    const many = fc.sample(fc.dictionary(fc.uuid(), kind, { minKeys: 400, maxKeys: 400 }), { numRuns: 1, seed: 1 })[0]!;
    const [some] = fc.sample(report, { numRuns: 1, seed: 1 }) as [Report];
    const sent = { ...some, stats: { ...some.stats, byType: many } };
    expect(Object.keys(joined(encodeReport(sent, 1), sent.from).stats.byType)).toHaveLength(400);
  });

  test('too large for any asker is refused where it is made', () => {
    const byType = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [
        `kind ${String(i)} ${'x'.repeat(60)}`,
        withRate({ ...one.stats, hits: i }),
      ]),
    );
    expect(() => encodeReport({ ...one, stats: { ...one.stats, byType } }, 1)).toThrow('at most 64 parts');
  });

  const [one] = fc.sample(report, { numRuns: 1, seed: 2 }) as [Report];
  const wire = (change: (fields: Record<string, object>) => unknown): readonly Uint8Array[] => {
    const fields = JSON.parse(
      Buffer.concat(encodeReport(one, 1).map((frame) => decodePart(frame)!.bytes)).toString(),
    ) as Record<string, object>;
    return [utf8(JSON.stringify(change(fields)))];
  };

  test('of a later version has fields that nobody here looks at, one of an earlier version lacks counters, which are 0', () => {
    const later = wire((fields) => ({
      ...fields,
      mood: 'fine',
      stats: { ...fields['stats'], waits: 3, byType: { town: { hits: 2, waits: 1 } } },
    }));
    const { stats, ...rest } = decodeReport(one.from, later);
    expect(rest).not.toHaveProperty('mood');
    expect(stats.byType['town']).toMatchObject({ hits: 2, misses: 0, hitRate: 1 });
    const earlier = wire(({ stats: given, ...fields }) => {
      const { joined: _, originCalls: __, ...known } = given as Record<string, unknown>;
      return { ...fields, stats: known };
    });
    expect(decodeReport(one.from, earlier).stats).toMatchObject({ joined: 0, originCalls: 0, hits: one.stats.hits });
  });

  test.each([
    ['a number in the place of a text', (fields: object) => ({ ...fields, version: 7 })],
    ['a text in the place of a number', (fields: object) => ({ ...fields, upMs: '1' })],
    ['a negative duration', (fields: object) => ({ ...fields, unconfirmedMs: -1 })],
    ['no statistics', (fields: object) => ({ ...fields, stats: undefined })],
    ['statistics that are a list', (fields: object) => ({ ...fields, stats: [] })],
    ['a status that nobody knows', (fields: object) => ({ ...fields, health: { status: 'odd' } })],
    ['nothing', () => null],
  ])('with %s is none', (_, change) => {
    expect(() => decodeReport(one.from, wire(change))).toThrow(/^report: /);
  });

  test('in any other bytes is none, and nothing worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodePart, decodeQuestion, (each: Uint8Array) => decodeReport('a', [each])]) {
          let threw: unknown;
          try {
            decode(bytes);
          } catch (error) {
            threw = error;
          }
          expect(threw).toBeInstanceOf(Error);
        }
      }),
    );
  });

  test.each(['1 abc 1 0/1\nx', '1 abc 1 2/1\nx', '1 abc 1 1/65\nx', '1 XYZ 1 1/1\nx', '1 abc 1 1/1', ''])(
    'has no part %j',
    (part) => {
      expect(() => decodePart(utf8(part))).toThrow('report: part');
    },
  );

  test('of another version is passed over', () => {
    expect(decodePart(utf8('2 abc 1 1/1\nx'))).toBeNull();
  });
});

describe('a question', () => {
  const asked = { id: 'a'.repeat(32), about: 'stats', waitMs: 3.5 } as const;

  test('arrives as it was, whatever a later version adds', () => {
    expect(decodeQuestion(encodeQuestion(asked))).toEqual(asked);
    expect(decodeQuestion(utf8(JSON.stringify({ v: 1, ...asked, loudly: true })))).toEqual(asked);
  });

  test.each([
    ['of another version', { v: 2 }],
    ['about what is not known here', { about: 'mood' }],
  ])('%s is passed over', (_, change) => {
    expect(decodeQuestion(utf8(JSON.stringify({ v: 1, ...asked, ...change })))).toBeNull();
  });

  test.each([
    ['without a version', { v: undefined }],
    ['with an id that could name another topic', { id: 'a:b' }],
    ['about a number', { about: 1 }],
    ['with a wait that is none', { waitMs: 'long' }],
  ])('%s is malformed', (_, change) => {
    expect(() => decodeQuestion(utf8(JSON.stringify({ v: 1, ...asked, ...change })))).toThrow(/^report: /);
  });
});
