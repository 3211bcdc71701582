import { expect, test } from 'vitest';
import { Places } from './places.js';

const circle = { x: 0, y: 0, radius: 10 };
const [within, beyond] = [
  { id: 's1', x: 6, y: 8 },
  { id: 's1', x: 6, y: 9 },
];

/** In the circle at first, out of it from 100 on, in again from 200 on. */
function places(): Places {
  const known = new Places();
  known.note({ ...within, version: 1 }, -Infinity);
  known.note({ ...beyond, version: 2 }, 100);
  known.note({ ...within, version: 3 }, 200);
  return known;
}

test('who is told of stands for the newest version that was in the circle by then', () => {
  const placed = [{ ...within, version: 1 }];
  expect(places().said({ circle, placed }, 150)).toEqual([['s1', 1]]);
  expect(places().said({ circle, placed }, 250)).toEqual([['s1', 3]]);
});

test('who is left out stands for the newest version that was not, and is wrong where there was none', () => {
  expect(places().said({ circle, placed: [] }, 250)).toEqual([['s1', 2]]);
  expect(places().said({ circle, placed: [] }, 50)).toEqual([['s1', null]]);
});
