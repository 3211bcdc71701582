import { disc, moves, placesOf, spotsOf, tideOver } from './places.mjs';
import { seeded } from './random.mjs';

/** Not a matter of time: how often an answer is there when it is asked for, while things move. */

const PLACES = 20_000;
const QUESTIONS = 10_000;
const WRITES = 600;
const RATIOS = [5, 20, 100];
const TITLE = 'hit rate';

export default {
  title: 'Hits while things move',
  question: 'What is left of a spatial cache when something moves after every few reads?',
  setting: `${PLACES.toLocaleString('en')} places anywhere on a map, ${QUESTIONS.toLocaleString('en')} questions for what is near a point, some asked far more often than others (the n-th as often as 1/n). After every 5, 20 or 100 reads something moves: ${WRITES} moves each. Beside it the same reads and moves where each move is announced as a change of the whole type, which drops every answer.`,
  packages: [],
  goals: RATIOS.map((ratio) => ({
    text: `hit rate at ${ratio}:1 at least twice that of dropping all`,
    limit: 2,
    atLeast: true,
    actual: ({ words }) => words(TITLE).figures[ratio],
  })),
  measure: async (_, group) => group.run(),
  groups: [{ run }],
};

async function run() {
  const rows = [];
  const figures = {};
  for (const ratio of RATIOS) {
    const exact = await hitRate(ratio, (tide, move) => tide.change(move));
    const flushed = await hitRate(ratio, (tide) => tide.change({ subjects: [tide.subject.type('place')] }));
    figures[ratio] = exact / flushed;
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    rows.push([`${ratio}:1`, percent(exact), percent(flushed), String(ratio * WRITES)]);
  }
  return { title: TITLE, head: ['reads to writes', 'what moved', 'all dropped', 'reads'], rows, figures };
}

async function hitRate(ratio, announce) {
  const spot = spotsOf(false, seeded(1));
  const random = seeded(2);
  const places = placesOf(PLACES, spot);
  const questions = Array.from({ length: QUESTIONS }, () => disc(spot(), 22));
  const tide = tideOver(places);
  await tide.spatial.near('place', questions[0].query); // fills the index
  tide.resetStats();
  // Zipf by inversion: the n-th with a share of about 1 / (n ln N).
  const any = () => questions[Math.floor(QUESTIONS ** random()) - 1];
  for (const move of moves(WRITES, places, spot, random)) {
    for (let i = 0; i < ratio; i++) await tide.spatial.near('place', any().query);
    await announce(tide, move);
  }
  const { hits, misses } = tide.stats().byType.spatial;
  await tide.close();
  return hits / (hits + misses);
}
