import type { Fault } from '../plant.js';

/** What a library may do wrong that tells clients of changes. Guards that stand behind each other go together. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'a gap between two messages is not noticed',
    edits: [
      [
        'realtime/topic.ts',
        'return last !== undefined && position.epoch === last.epoch && position.offset === last.offset + 1;',
        'return last !== undefined && position.epoch === last.epoch && position.offset > last.offset;',
      ],
    ],
  },
  {
    name: 'a connection that came back is not taken for a gap',
    edits: [
      [
        'realtime/topic.ts',
        'onGap: (): void => {\n      this.#again = true;\n      this.look();',
        'onGap: (): void => {',
      ],
      ['realtime/hub.ts', 'for (const topic of topics.values()) if (mayLack(topic.key)) topic.look();', ''],
    ],
  },
  {
    name: 'what was replayed comes again from the ring',
    edits: [
      [
        'realtime/subscription.ts',
        'this.#sequence = this.#coalesced === undefined ? value : Math.max(value, this.#sequence);',
        'this.#sequence = this.#feed.ring.oldest;',
      ],
    ],
  },
  {
    name: 'what history and the channel both had is told twice',
    edits: [
      [
        'realtime/topic.ts',
        'if (epoch !== top.epoch || this.#isOld(message.position)) continue;',
        'if (epoch !== top.epoch) continue;',
      ],
    ],
  },
  {
    name: 'offsets of another epoch are compared',
    edits: [
      [
        'realtime/topic.ts',
        'return position.epoch === other.epoch && position.offset <= other.offset;',
        'return position.offset <= other.offset;',
      ],
      [
        'realtime/topic.ts',
        'return last !== undefined && position.epoch === last.epoch && position.offset === last.offset + 1;',
        'return last !== undefined && position.offset === last.offset + 1;',
      ],
      ['realtime/topic.ts', 'if (repeated) this.#listener.onGap();', ''],
      // Marks that were lost with the topics would say so too.
      ['realtime/hub.ts', 'if (!closed) owed.lost(id, [...topics.keys()].filter(isLost));', ''],
      ['realtime/hub.ts', 'for (const topic of topics.values()) if (mayLack(topic.key)) topic.look();', ''],
      ['realtime/topic.ts', 'if (top.offset < from.offset) {', 'if (top.offset < 0) {'],
      ['realtime/topic.ts', 'if (top.epoch !== from.epoch) {', "if (top.epoch === '') {"],
      ['realtime/topic.ts', 'if (epoch !== top.epoch || this.#isOld', 'void epoch;\n      if (this.#isOld'],
    ],
  },
  {
    name: 'a topic that begins anew is no resync',
    edits: [
      [
        'realtime/topic.ts',
        'if (top.epoch !== from.epoch) {\n      this.#hole ??= EPOCH;',
        'if (top.epoch !== from.epoch) {',
      ],
    ],
  },
  {
    name: 'a cursor of an epoch that is over is taken for the present place',
    edits: [
      [
        'realtime/replay.ts',
        "if (at.epoch !== end.epoch) return 'epoch';",
        'if (at.epoch !== end.epoch) { merge.end(topic); return undefined; }',
      ],
      ['realtime/replay.ts', "if (looked.has(topic)) return 'epoch';", 'if (looked.has(topic)) return undefined;'],
    ],
  },
  {
    name: 'who comes back with a cursor is not asked for',
    edits: [
      [
        'realtime/subscription.ts',
        'if (authorize !== undefined) this.#permit = this.#ask(authorize);',
        'if (authorize !== undefined && cursor === undefined) this.#permit = this.#ask(authorize);',
      ],
    ],
  },
  {
    name: 'a revocation between the answer and its effect is forgotten',
    edits: [
      [
        'realtime/permit.ts',
        'if (until === undefined || this.#isRevoked) this.#ask();',
        'if (until === undefined) this.#ask();',
      ],
    ],
  },
  {
    name: 'what is taken back is taken back here only',
    edits: [['realtime/revocations.ts', '    this.apply(message.what);\n', '']],
  },
  {
    name: 'coalesce keeps the first of an entity, not the last',
    edits: [
      [
        'realtime/overflow.ts',
        'kept.set(key, { sequence, item: before === undefined ? item : merged(before, item) });',
        'kept.set(key, { sequence, item: before ?? item });',
      ],
    ],
  },
  {
    name: 'who falls out of the ring goes on without a word',
    edits: [
      [
        'realtime/subscription.ts',
        "if (overflow !== 'replay') return this.#feed.resync(ring.next, 'overflow');",
        "if (overflow !== 'replay') return undefined;",
      ],
    ],
  },
  {
    name: 'what was dropped is not told',
    edits: [
      [
        'realtime/subscription.ts',
        "return Object.freeze({ ...this.#feed.resync(ring.oldest, 'overflow'), dropped: ring.oldest - left });",
        'void left; return this.#take();',
      ],
    ],
  },
  {
    name: 'an event that could not be published is owed to nobody',
    edits: [['realtime/hub.ts', 'if (!closed) owed.failed(changeId, [key]);', '']],
  },
  {
    name: 'what follows a hole is published before the hole is announced',
    edits: [['realtime/hub.ts', 'if (owed.lacks(key, changeId)) await owed.announceGap(key);', '']],
  },
  {
    name: 'history whose beginning is gone is read as if it were whole',
    edits: [
      [
        'realtime/topic.ts',
        'if (!this.#isNext(message)) {\n        this.#hole ??= GAP;',
        'if (!this.#isNext(message)) {',
      ],
      [
        'realtime/topic.ts',
        "if (truncated && first > from.offset + 1) this.#hole ??= { kind: 'hole', reason: 'truncated' };",
        '',
      ],
    ],
  },
];
