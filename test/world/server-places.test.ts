import { describe, expect, test } from 'vitest';
import { codesOf, smallWorld, startServer } from './server-setup.js';

const DRAWN = `query ($polygon: [[Float!]!]!, $branch: String) {
  drawn(polygon: $polygon, branch: $branch) { state ageMs settlements { id } }
}`;
const around = (west: number, south: number, east: number, north: number): number[][] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];
const MOVE = `mutation ($id: ID!, $lon: Float!, $lat: Float!, $branch: String, $version: Int) {
  move(id: $id, lon: $lon, lat: $lat, branch: $branch, expectedVersion: $version) { settlement { lon lat version } }
}`;

describe('what somebody drew', () => {
  test('is worked out once, and again when something in it changed; elsewhere it stays', async () => {
    const { query } = await startServer({ tables: smallWorld(4) });
    const drawn = async (polygon: number[][], branch = 'main') => {
      const { data } = await query(DRAWN, { variables: { polygon, branch } });
      const { state, settlements } = data['drawn'] as unknown as { state: string; settlements: { id: string }[] };
      return [state, settlements.map(({ id }) => id).join()];
    };
    const [here, there] = [around(-20.5, 63, -18.5, 65), around(-18.2, 63, -16, 65)];
    expect([await drawn(here), await drawn(there)]).toEqual([
      ['MISS', 't0,t1'],
      ['MISS', 't2,t3'],
    ]);
    const { errors } = await query(MOVE, {
      token: 'cartographer',
      variables: { id: 't0', lon: -21, lat: 60, version: 1 },
    });
    expect(errors).toEqual([]);
    expect([await drawn(here), await drawn(there)]).toEqual([
      ['MISS', 't1'],
      ['HIT', 't2,t3'],
    ]);
    await query(MOVE, { token: 'cartographer', variables: { id: 't2', lon: -19, lat: 64, branch: 'rising-seas' } });
    expect([await drawn(here), await drawn(here, 'rising-seas')]).toEqual([
      ['HIT', 't1'],
      ['MISS', 't1,t2'],
    ]);
  });

  test.each([
    [
      'a bow-tie',
      [
        [0, 0],
        [4, 4],
        [4, 0],
        [0, 4],
        [0, 0],
      ],
      /crosses or touches itself at \(2, 2\)/,
    ],
    [
      'an open ring',
      [
        [0, 0],
        [4, 0],
        [4, 4],
      ],
      /4 positions or more, got 3/,
    ],
    ['no degrees', around(0, 0, 4, 95), /expected degrees from -90 to 90, got 95/],
  ])('%s is refused with the place of the fault', async (_, polygon, says) => {
    const { query } = await startServer();
    const answer = await query(DRAWN, { variables: { polygon } });
    expect(codesOf(answer)).toEqual(['INVALID_GEOMETRY']);
    expect(answer.errors[0]?.message).toMatch(says);
  });

  test('a move to no place, of what is not there, or over somebody else is refused', async () => {
    const { query } = await startServer();
    const refused = async (variables: object): Promise<unknown> =>
      codesOf(await query(MOVE, { token: 'cartographer', variables: { lon: 1, lat: 1, ...variables } }));
    expect(await refused({ id: 't0', lon: 181 })).toEqual(['BAD_REQUEST']);
    expect(await refused({ id: 'nowhere' })).toEqual(['NOT_FOUND']);
    expect(await refused({ id: 't0', version: 7 })).toEqual(['CONFLICT']);
  });
});
