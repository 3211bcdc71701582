import { describe, expect, test } from 'vitest';
import { OwnBumps } from '../../src/cache/own-bumps.js';
import type { SubjectKey } from '../../src/contract.js';

const bumpIn = (epoch: string, position: number) => ({
  ...{ partition: 0, epoch, prev: position - 1, position, nonce: `n${String(position)}`, globs: [] },
  ...{ subjects: [`entity:town:${String(position)}:main` as SubjectKey], changeId: `c${String(position)}` },
});
const filled = (...bumps: readonly (readonly [string, number])[]): OwnBumps => {
  const own = new OwnBumps();
  for (const bump of bumps) own.add(bumpIn(...bump));
  return own;
};
const positions = (own: OwnBumps, above: number, current = 'new') =>
  own.above(0, above, { replaced: 'old', current })?.map(({ position }) => position) ?? null;

describe('what a store may have forgotten of the bumps of this replica', () => {
  test('is what lies above the position that its copy reached, with the ids of the changes', () => {
    const own = filled(['old', 1], ['old', 2], ['old', 3]);
    expect(positions(own, 1)).toEqual([2, 3]);
    expect(own.above(0, 2, { replaced: 'old', current: 'new' })).toMatchObject([{ changeId: 'c3' }]);
  });
  test('is nothing of the present epoch, and nothing of another partition', () => {
    const own = filled(['old', 1], ['new', 1]);
    expect(positions(own, 0)).toEqual([1]);
    expect(own.above(1, 0, { replaced: 'old', current: 'new' })).toEqual([]);
  });
  test('is not known once an epoch lay between the two that this replica bumped in', () => {
    expect(positions(filled(['old', 1], ['between', 1]), 0)).toBeNull();
  });
  test('is not known of more than the last thousand, unless those before are in the copy', () => {
    const own = filled(...Array.from({ length: 1002 }, (_, i) => ['old', i + 1] as const));
    expect(positions(own, 1)).toBeNull();
    expect(positions(own, 2)).toHaveLength(1000);
  });
  test('is settled once: the present epoch stays', () => {
    const own = filled(['old', 1], ['new', 1]);
    own.forgetAllBut(0, 'new');
    expect(positions(own, 0)).toEqual([]);
    expect(own.above(0, 0, { replaced: 'new', current: 'newer' })).toHaveLength(1);
  });

  describe('of where a branch hangs', () => {
    const hung = (parent: string, epoch: string, position: number, changeId: string) => ({
      ...bumpIn(epoch, position),
      subjects: ['entity:town:1:main', 'branch:fork', `link:fork:${parent}`] as SubjectKey[],
      changeId,
    });
    const repeated = (own: OwnBumps) =>
      own.above(0, 0, { replaced: 'old', current: 'new' })?.map((one) => one.subjects);
    const made = (bump: ReturnType<typeof hung>): OwnBumps => {
      const own = new OwnBumps();
      own.add(bump);
      own.heard(bump);
      return own;
    };
    const whole = [['entity:town:1:main', 'branch:fork', 'link:fork:main']];
    const rest = [['entity:town:1:main']];

    test('is repeated as the last that was heard of it', () => {
      expect(repeated(made(hung('main', 'old', 1, 'a')))).toEqual(whole);
    });
    test('is not once it hangs elsewhere, by whomever, under whichever epoch', () => {
      for (const later of [hung('draft', 'old', 2, 'b'), hung('draft', 'new', 1, 'b')]) {
        const own = made(hung('main', 'old', 1, 'a'));
        own.heard(later);
        expect(repeated(own)).toEqual(rest);
      }
    });
    test('is not either where one change hung several branches elsewhere, in several partitions', () => {
      const own = made(hung('main', 'old', 1, 'a'));
      own.heard({ ...hung('draft', 'old', 1, 'b'), partition: 1, subjects: ['branch:spoon' as SubjectKey] });
      own.heard(hung('draft', 'old', 2, 'b'));
      expect(repeated(own)).toEqual(rest);
    });
    test('is although an older change is heard of late, or again', () => {
      const own = made(hung('main', 'old', 5, 'a'));
      own.heard(hung('draft', 'old', 4, 'older'));
      expect(repeated(own)).toEqual(whole);
      own.heard(hung('draft', 'new', 1, 'older'));
      expect(repeated(own)).toEqual(whole);
    });
  });
});
