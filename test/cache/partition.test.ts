import { describe, expect, test } from 'vitest';
import { Partition, type Sent } from '../../src/cache/partition.js';

const bump = (position: number, { epoch = 'e', nonce = `n${String(position)}`, prev = position - 1 } = {}) => ({
  ...{ partition: 0, epoch, prev, position, nonce },
  ...{ subjects: [], globs: [], changeId: '' },
});
const sentKnowing = (epoch: string | null, applied: number): Sent => ({
  ...{ at: 0, serial: 1 },
  known: [{ epoch, applied }],
});
function partitionAt(position: number): Partition {
  const partition = new Partition(0);
  partition.adopt({ epoch: 'e', head: 0, nonce: '' });
  for (let at = 1; at <= position; at++) partition.hear(bump(at));
  return partition;
}

describe('the reply to a bump of this replica', () => {
  test('moves on what it follows, and waits for messages before it', () => {
    const partition = partitionAt(3);
    expect(partition.hearOwn(bump(4), sentKnowing('e', 3))).toBe('next');
    expect(partition.hearOwn(bump(6), sentKnowing('e', 4))).toBe('nothing new');
    expect([partition.applied, partition.highest]).toEqual([4, 6]);
  });

  test('may come after the messages of itself and of later ones', () => {
    const partition = partitionAt(5);
    for (const own of [4, 5]) expect(partition.hearOwn(bump(own), sentKnowing('e', 3))).toBe('nothing new');
    expect(partition.applied).toBe(5);
  });

  test('shows a store that has gone back: its position was applied before the bump was sent, or is another’s', () => {
    expect(partitionAt(5).hearOwn(bump(3), sentKnowing('e', 5))).toBe('lost');
    expect(partitionAt(5).hearOwn(bump(5, { nonce: 'other' }), sentKnowing('e', 4))).toBe('lost');
  });

  test('of another epoch replaces the one known when it was sent, and no later one', () => {
    expect(partitionAt(5).hearOwn(bump(1, { epoch: 'f' }), sentKnowing('e', 5))).toBe('epoch');
    expect(partitionAt(5).hearOwn(bump(1, { epoch: 'd' }), sentKnowing('d', 0))).toBe('unclear');
  });
});

test('a partition is not believed between another epoch and the settling of what was lost with the one before', () => {
  const partition = partitionAt(2);
  expect(partition.isBelievable).toBe(true);
  partition.adopt({ epoch: 'f', head: 0, nonce: '' });
  expect(partition.isBelievable).toBe(false);
  partition.replaced = null;
  expect(partition.isBelievable).toBe(true);
});

describe('an epoch that was replaced', () => {
  const replaced = (): Partition => {
    const partition = partitionAt(2);
    partition.adopt({ epoch: 'f', head: 0, nonce: '' });
    return partition;
  };

  test('is no other epoch when a message of it comes late', () => {
    const partition = replaced();
    expect(partition.hear(bump(3))).toBe('unclear');
    expect([partition.epoch, partition.hasGoneBack]).toEqual(['f', false]);
  });

  test('is where the store has gone back to when an answer has it again', () => {
    const partition = replaced();
    const head = { ...{ partition: 0, epoch: 'e', head: 2, nonce: 'n2' }, from: null };
    expect(partition.compare(head, sentKnowing('f', 0))).toBe('epoch');
    partition.adopt(head);
    expect(partition.hasGoneBack).toBe(true);
    partition.adopt({ epoch: 'g', head: 0, nonce: '' });
    expect(partition.hasGoneBack).toBe(false);
  });
});
