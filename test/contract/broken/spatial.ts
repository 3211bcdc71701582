import type { Spatial, SpatialAsk, SpatialMatch, SpatialQuestion } from '../../../src/contract.js';
import type { SpatialFixture, SpatialRow } from '../../../src/testing/index.js';
import { embeddedSpatial } from '../embedded-spatial.js';
import type { Broken } from './broken.js';

type Rows = (rows: readonly SpatialRow[]) => readonly SpatialRow[];

/** The index in the process, asked something else, answering something else, over other rows, or with verbs replaced. */
function broken({
  ask = (one) => one,
  answer = (found) => found,
  rows = (given) => given,
  verbs = {},
}: {
  readonly ask?: (ask: SpatialAsk) => SpatialAsk;
  readonly answer?: (found: readonly SpatialMatch[], ask: SpatialAsk) => readonly SpatialMatch[];
  readonly rows?: Rows;
  readonly verbs?: Partial<Spatial>;
}): () => SpatialFixture {
  return () => {
    const { spatial, put } = embeddedSpatial();
    return {
      spatial: { ...spatial, find: async (asked) => answer(await spatial.find(ask(asked)), asked), ...verbs },
      put: (given) => put(rows(given)),
    };
  };
}

const asking =
  <Kind extends SpatialQuestion['kind']>(
    kind: Kind,
    change: (question: Extract<SpatialQuestion, { kind: Kind }>) => SpatialQuestion,
  ) =>
  (ask: SpatialAsk): SpatialAsk =>
    ask.question.kind === kind ? { ...ask, question: change(ask.question as never) } : ask;
const reversed = <T>(found: readonly T[]): readonly T[] => found.toReversed();
const { spatial: sound } = embeddedSpatial();

export const brokenSpatial: readonly Broken<SpatialFixture>[] = [
  [
    'an open disc',
    'near takes in what lies exactly on the radius, nearest first, then by id',
    broken({ ask: asking('near', (one) => ({ ...one, radius: one.radius * 0.999 })) }),
  ],
  [
    'the farthest first',
    'near takes in what lies exactly on the radius, nearest first, then by id',
    broken({ answer: reversed }),
  ],
  [
    'a distance from the middle',
    'a region is as near as its border, and at no distance of what lies in it',
    broken({ answer: (found) => found.map((match) => ({ ...match, distance: (match.distance ?? 0) + 1 })) }),
  ],
  [
    'ties in the order of the rows',
    'of what is equally far the nearest are the first by id',
    broken({ answer: (found) => [...found.slice(0, 1), ...reversed(found.slice(1))] }),
  ],
  [
    'the nearest however far',
    'the nearest are at most so far away as was asked for',
    broken({ ask: asking('nearest', (one) => ({ ...one, maxDistance: undefined })) }),
  ],
  [
    'a box without its border',
    'in a box is whatever has a point in common with it, its border included, by id',
    broken({
      ask: asking('inBox', ({ boxes, ...one }) => ({
        ...one,
        boxes: boxes.map((box) => ({ ...box, maxX: box.maxX - 0.1, maxY: box.maxY - 0.1 })),
      })),
    }),
  ],
  [
    'the first box only',
    'of two boxes what lies in either is found, and once',
    broken({ ask: asking('inBox', (one) => ({ ...one, boxes: one.boxes.slice(0, 1) })) }),
  ],
  [
    'strict whatever is asked',
    'within a region is what has no point outside it; strict, not only on its border',
    broken({ ask: asking('within', (one) => ({ ...one, strict: true })) }),
  ],
  [
    'regions without their holes',
    'what lies in a hole lies outside',
    broken({
      ask: asking('within', (one) => ({
        ...one,
        region: { ...one.region, coordinates: (one.region.coordinates as unknown[]).slice(0, 1) },
      })),
    }),
  ],
  [
    'never strict',
    'a point is contained by regions on whose border it lies; strict, by those it lies in',
    broken({ ask: asking('containing', (one) => ({ ...one, strict: false })) }),
  ],
  [
    'null for no filter',
    'a filter takes any of its values, null among them',
    broken({
      ask: (ask) => ({
        ...ask,
        where: ask.where.map((one) => ({ ...one, oneOf: one.oneOf.filter((v) => v !== null) })),
      }),
    }),
  ],
  [
    'the limit before the filter',
    'a limit takes the first, of those that the filter leaves',
    broken({ ask: (ask) => (ask.limit === 1 ? { ...ask, where: [] } : ask) }),
  ],
  [
    'the order of a language',
    'ids that are text come in the order of their code units',
    broken({
      answer: (found, { question }) =>
        question.kind === 'inBox' && question.boxes.length === 1
          ? found.toSorted((a, b) => String(a.id).localeCompare(String(b.id), 'en', { numeric: true }))
          : found,
    }),
  ],
  [
    'the deleted too',
    'what is deleted, or lies nowhere, is not found',
    broken({ rows: (given) => given.map((row) => ({ ...row, deleted: false })) }),
  ],
  [
    'deleted rows that hide nothing',
    'of one id the row of the nearest branch counts, wherever it lies and if it is deleted',
    broken({ rows: (given) => given.filter(({ deleted }) => deleted !== true) }),
  ],
  [
    'distances between middles',
    'a distance is that of the nearest points, and 0 for what has one in common',
    broken({ verbs: { distance: async (a, b, system) => 1 + (await sound.distance(a, b, system)) } }),
  ],
  [
    'touching for overlapping',
    'regions overlap if their areas meet and neither lies in the other',
    broken({ verbs: { overlaps: async (a, b, system) => (await sound.distance(a, b, system)) === 0 } }),
  ],
  [
    'a fault for every type',
    'a back end in order has no faults to tell',
    broken({ verbs: { check: async () => [{ type: null, what: 'none', mend: null }] } }),
  ],
];
