import assert from 'node:assert/strict';
import { memory } from 'tidemark';
import { redis } from 'tidemark/redis';
import { bruteForce, moves, placesOf, questionsOf, spotsOf, tideOver } from './places.mjs';
import { seeded } from './random.mjs';
import { clientsOf, throwAwayRedis } from './redis.mjs';

/** Not a matter of time: how many cached answers a move drops, of those that it concerns and of all. */

const PLACES = 20_000;
const QUESTIONS = 10_000;
const MOVES = 60;
const MOVES_ON_REDIS = 8;
const title = (clustered) => (clustered ? 'places around twenty towns' : 'places anywhere');

const goal = (text, limit, figure) => ({
  text,
  limit,
  actual: ({ words }) => Math.max(...[false, true].map((clustered) => words(title(clustered)).figures[figure])),
});

export default {
  title: 'What a move drops',
  question: 'Of 10,000 cached answers about where things are, how many does one move make stale?',
  setting: `${PLACES.toLocaleString('en')} places on a map of 1,000 by 1,000, ${QUESTIONS.toLocaleString('en')} answers: 40 % discs, 25 % boxes, 20 % polygons, 15 % the ten nearest. Four moves in five are short, the fifth goes anywhere. Exact: the place was or is in the answer, by looking at everything. After every move all answers are read again and loads counted; in process and on a replica that hears of ${MOVES} moves through shared marks, in Redis by a tide whose tier 1 holds one answer, so that entries are judged by their marks alone (${MOVES_ON_REDIS} moves). Missed: answers that differ from looking at everything, of all that a move concerned and of fifty others after each tenth move.`,
  packages: ['ioredis'],
  goals: [
    goal('dropped in the process that moves ≤ 1.00 × exact, to a hundredth', 1.005, 'here'),
    goal('dropped on a replica that hears of it ≤ 2.2 × exact', 2.2, 'there'),
    goal('dropped in Redis ≤ 2.2 × exact', 2.2, 'stored'),
    goal('answers missed, at most', 0, 'missed'),
  ],
  measure: async (_, group) => group.run(),
  groups: [{ run: () => run(false) }, { run: () => run(true) }],
};

async function run(clustered) {
  const inMemory = await inProcess(clustered);
  const onRedis = await inRedis(clustered);
  const { exact, here, there, missed } = inMemory;
  const per = (sum, count) => (sum / count).toFixed(1);
  const row = (name, sum, of, count) => [
    name,
    per(sum, count),
    (sum / of).toFixed(2),
    `${((100 * sum) / count / QUESTIONS).toFixed(2)} %`,
    String(count),
  ];
  return {
    title: title(clustered),
    head: ['dropped a move', 'answers', '× exact', 'of all', 'moves'],
    rows: [
      row('flush all', QUESTIONS * MOVES, exact, MOVES),
      row('exact', exact, exact, MOVES),
      row('in the process that moves', here, exact, MOVES),
      row('on a replica that hears of it', there, exact, MOVES),
      row('in Redis, by marks alone', onRedis.dropped, onRedis.exact, MOVES_ON_REDIS),
      ['missed', String(missed + onRedis.missed), '', '', String(MOVES + MOVES_ON_REDIS)],
    ],
    figures: {
      here: here / exact,
      there: there / exact,
      stored: onRedis.dropped / onRedis.exact,
      missed: missed + onRedis.missed,
    },
  };
}

/** A world and how to ask it; `concerned` keeps who is among the nearest. */
function world(clustered) {
  const spot = spotsOf(clustered, seeded(1));
  const places = placesOf(PLACES, spot);
  const questions = questionsOf(QUESTIONS, spot);
  const nearest = new Map();
  const note = (question, rows) => {
    const { point } = question.query;
    if (question.holds === null) nearest.set(question, Math.hypot(rows.at(-1).x - point.x, rows.at(-1).y - point.y));
  };
  const isConcerned = (question, { before, after }) => {
    if (question.holds !== null) return question.holds(before) || question.holds(after);
    const { x, y } = question.query.point;
    return [before, after].some((place) => Math.hypot(place.x - x, place.y - y) <= nearest.get(question));
  };
  return { spot, places, questions, note, isConcerned, random: seeded(2) };
}

async function readAll(tide, questions, note = () => {}) {
  tide.resetStats();
  for (const [n, question] of questions.entries()) {
    note(question, await tide.spatial[question.verb]('place', question.query));
    // Marks are confirmed by a timer: without a turn for it nothing would be trusted after three seconds.
    if (n % 500 === 499) await new Promise(setImmediate);
  }
  return tide.stats().byType.spatial?.loads ?? 0;
}

async function isRight(tide, question, places) {
  const rows = await tide.spatial[question.verb]('place', question.query);
  const [found, right] = [rows.map(({ id }) => id), bruteForce(question, places)];
  return question.holds === null ? found.join() === right.join() : found.sort().join() === right.sort().join();
}

async function wrongOf(tide, questions, places) {
  let wrong = 0;
  for (const question of questions) if (!(await isRight(tide, question, places))) wrong++;
  return wrong;
}

async function inProcess(clustered) {
  const { spot, places, questions, note, isConcerned, random } = world(clustered);
  const { marks, bus } = memory();
  const [here, there] = [tideOver(places, { marks, bus }), tideOver(places, { marks, bus })];
  assert.equal(await readAll(here, questions, note), QUESTIONS);
  assert.equal(await readAll(there, questions), QUESTIONS);
  const sum = { exact: 0, here: 0, there: 0, missed: 0 };
  let n = 0;
  for (const move of moves(MOVES, places, spot, random)) {
    const concerned = questions.filter((question) => isConcerned(question, move));
    await here.change(move);
    sum.exact += concerned.length;
    sum.here += await readAll(here, questions, note);
    sum.there += await readAll(there, questions);
    if (n++ % 10 > 0) continue;
    const others = Array.from({ length: 50 }, () => questions[Math.floor(random() * QUESTIONS)]);
    for (const tide of [here, there]) sum.missed += await wrongOf(tide, [...concerned, ...others], places);
  }
  return sum;
}

async function inRedis(clustered) {
  const { spot, places, questions, note, isConcerned, random } = world(clustered);
  const server = await throwAwayRedis();
  const clients = clientsOf(server.port);
  const tide = tideOver(places, { ...redis(clients), maxEntries: 1, freeze: false });
  try {
    const readAtOnce = async () => {
      tide.resetStats();
      for (let from = 0; from < QUESTIONS; from += 100) {
        const some = questions.slice(from, from + 100);
        const rows = await Promise.all(some.map(({ verb, query }) => tide.spatial[verb]('place', query)));
        some.forEach((question, i) => note(question, rows[i]));
      }
      return tide.stats().byType.spatial?.loads ?? 0;
    };
    assert.equal(await readAtOnce(), QUESTIONS);
    await new Promise((resume) => setTimeout(resume, 500)); // what is stored is stored
    const sum = { exact: 0, dropped: 0, missed: 0 };
    for (const move of moves(MOVES_ON_REDIS, places, spot, random)) {
      const concerned = questions.filter((question) => isConcerned(question, move));
      await tide.change(move);
      sum.exact += concerned.length;
      sum.dropped += await readAtOnce();
      sum.missed += await wrongOf(tide, concerned, places);
    }
    return sum;
  } finally {
    await tide.close();
    for (const client of Object.values(clients)) client.disconnect();
    await server.stop();
  }
}
