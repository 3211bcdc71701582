import { describe, expect, test } from 'vitest';
import { judge } from './checker.js';
import { History } from './history.js';
import type { Batch, Changed, Heard, Read, Seen } from './wire.js';

const TERMS = { maxStalenessMs: 1000, slackMs: 100 };

const commits = [2, 3, 4].map((version) => ({ id: 'k.1', version, at: version * 100 }));
const changed = (version: number, end: number, more: Partial<Changed> = {}): Changed => ({
  ...{ id: 'k.1', version, start: version * 100, end, state: 'done', changeId: `c${String(version)}`, ...more },
});
const read = (start: number, seen: Seen, more: Partial<Read> = {}): Read => ({
  ...{ what: 'record:k.1', start, end: start + 5, strong: false, seen, ...more },
});
const told = (at: number, version: number | null): Heard => ({
  subscription: 'b/1',
  id: 'k.1',
  version,
  at,
  ...(version === null && { reason: 'gap' }),
});

function violations(a: Partial<Batch>, b: Partial<Batch> = {}): readonly string[] {
  const history = new History(commits);
  const none: Batch = { reads: [], changes: [], sent: [], heard: [], events: [] };
  history.add('a', { ...none, ...a });
  history.add('b', { ...none, ...b });
  return judge(history, TERMS).violations;
}

describe('the history checker accepts', () => {
  test('what was promised', () => {
    const a = {
      changes: [changed(2, 210), changed(3, 310)],
      reads: [read(215, [['k.1', 2]]), read(300, [['k.1', 3]])],
    };
    const b = {
      reads: [read(150, [['k.1', 1]]), read(800, [['k.1', 1]]), read(1320, [['k.1', 3]])],
      heard: [told(850, 2), told(860, 3)],
    };
    expect(violations(a, b)).toEqual([]);
  });
  test('a replica that has not heard yet, and one that reads before its change has resolved', () => {
    expect(violations({ changes: [changed(2, 250)], reads: [read(249, [['k.1', 1]])] })).toEqual([]);
  });
  test('a queued change that others do not know until it is sent', () => {
    const a = { changes: [changed(2, 210, { state: 'queued' })], sent: [{ changeId: 'c2', at: 5000 }] };
    expect(violations(a, { reads: [read(6000, [['k.1', 1]])] })).toEqual([]);
  });
  test('a resync in place of what is missing', () => {
    const a = { changes: [changed(2, 210), changed(3, 310), changed(4, 410)] };
    expect(violations(a, { heard: [told(220, 2), told(400, null), told(420, 4)] })).toEqual([]);
    expect(violations(a, { heard: [told(220, 2), told(420, null)] })).toEqual([]);
    expect(violations(a, { heard: [told(220, 2), told(420, 4), told(430, null)] })).toEqual([]);
  });
  test('a resync while a change that is marked is still being announced', () => {
    const a = { changes: [changed(2, 210), changed(3, 900, { bumpedAt: 350 }), changed(4, 950)] };
    expect(violations(a, { heard: [told(220, 2), told(400, null), told(960, 4)] })).toEqual([]);
  });
});

describe('the history checker catches', () => {
  const planted: readonly [string, RegExp, Partial<Batch>, Partial<Batch>?][] = [
    [
      'a read older than the own change',
      /^P1: a read .* own change/,
      { changes: [changed(2, 210)], reads: [read(211, [['k.1', 1]])] },
    ],
    [
      'the same of a queued one',
      /^P1: a read .* own change/,
      { changes: [changed(2, 210, { state: 'queued' })], reads: [read(9000, [['k.1', 1]])] },
    ],
    [
      'a read older than its receipt',
      /^P1: b read .* receipt/,
      {},
      { reads: [read(400, [['k.1', 1]], { after: ['k.1', 2] })] },
    ],
    [
      'a list that lacks what its receipt names',
      /^P1: b read .* version 0/,
      {},
      { reads: [read(400, [], { after: ['k.1', 2] })] },
    ],
    [
      'a read older than an event',
      /^P1: b read .* event/,
      { changes: [changed(2, 210)] },
      { heard: [told(220, 2)], reads: [read(230, [['k.1', 1]])] },
    ],
    [
      'a read older than the bound',
      /^P3: b read .* 1200 ms/,
      { changes: [changed(2, 210)] },
      { reads: [read(1410, [['k.1', 1]])] },
    ],
    [
      'a strong read that is old at all',
      /^P3: b read/,
      { changes: [changed(2, 210)] },
      { reads: [read(220, [['k.1', 1]], { strong: true })] },
    ],
    [
      'a queued change that is sent and not heard',
      /^P3: b read/,
      { changes: [changed(2, 210, { state: 'queued' })], sent: [{ changeId: 'c2', at: 300 }] },
      { reads: [read(1500, [['k.1', 1]])] },
    ],
    ['a version that nobody committed yet', /not committed yet/, { reads: [read(120, [['k.1', 2]])] }],
    ['an error for a reader', /^P6: a read/, { reads: [read(1, [], { error: 'STORE_DOWN' })] }],
    ['an error for whoever changes', /^P6: a changed/, { changes: [changed(2, 210, { error: 'STORE_DOWN' })] }],
    [
      'an event twice',
      /^P7: b\/1 was told k\.1#2 after #2/,
      { changes: [changed(2, 210)] },
      { heard: [told(220, 2), told(230, 2)] },
    ],
    [
      'events in the wrong order',
      /^P7: b\/1 was told k\.1#2 after #3/,
      { changes: [changed(2, 210), changed(3, 310)] },
      { heard: [told(320, 3), told(330, 2)] },
    ],
    [
      'a hole without a word',
      /^P7: b\/1 was never told k\.1#3;/,
      { changes: [changed(2, 210), changed(3, 310), changed(4, 410)] },
      { heard: [told(220, 2), told(420, 4)] },
    ],
    [
      'a hole at the end',
      /^P7: b\/1 was never told k\.1#3;/,
      { changes: [changed(2, 210), changed(3, 310)] },
      { heard: [told(220, 2)] },
    ],
    [
      'a hole after the last resync',
      /^P7: b\/1 was never told k\.1#3;/,
      { changes: [changed(2, 210), changed(3, 310)] },
      { heard: [told(220, null)] },
    ],
    [
      'a hole after a resync that came before the change was marked',
      /^P7: b\/1 was never told k\.1#3, marked -490 ms; it was told #2 -680 ms, gap -500 ms, #4 \+60 ms$/,
      { changes: [changed(2, 210), changed(3, 900, { bumpedAt: 410 }), changed(4, 950)] },
      { heard: [told(220, 2), told(400, null), told(960, 4)] },
    ],
  ];
  test.each(planted)('%s', (_, sentence, a, b) => {
    expect(violations(a, b)).toEqual([expect.stringMatching(sentence)]);
  });
  test('a process that ended or complained', () => {
    const history = new History();
    history.complain('a ended by itself: 1');
    expect(judge(history, TERMS).violations).toEqual(['a ended by itself: 1']);
  });
});
