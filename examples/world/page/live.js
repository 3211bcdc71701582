import { createClient } from '/tidemark/client.js';
import { load } from '/page/server.js';

/** What the server tells by itself: changes of a branch, who else looks, and its figures. */

const TYPES = ['kingdom', 'settlement', 'structure'];
/** Where signals go: everybody follows it. */
const ALL = { type: 'settlement' };
const SAID_EVERY_MS = 10_000;
/** Who has not said so for that long does not look any more. */
const GONE_MS = 25_000;
const FIGURES_EVERY_MS = 1_000;

const url = new URL('/live', location.href);
url.protocol = url.protocol.replace('http', 'ws');
/** One connection for all tabs of this page. */
const client = createClient({ url: String(url) });

/**
 * `change` hears every change once; `missed`: some may not have come, so that what is shown is to be fetched again; `state`: how
 * the connection is; `others`: how many look, and how many of them at the place that is open here.
 */
export function follow(branch, { change, missed, state, others }) {
  let opened = null;
  /** When each was heard of last, and where it looks. */
  const looking = new Map();
  const hear = (item) => {
    if (item.kind === 'subscribed') say();
    else if (item.kind === 'change') change(item);
    else if (item.kind === 'resync') missed(item.reason);
    else if (item.kind === 'ended') missed(item.message);
    else if (item.kind === 'signal') {
      looking.set(item.from, { at: Date.now(), place: item.value.looking });
      count();
    }
  };
  const count = () => {
    for (const [from, { at }] of looking) if (Date.now() - at > GONE_MS) looking.delete(from);
    const here = [...looking.values()].filter(({ place }) => place !== null && place === opened);
    others({ all: looking.size, here: here.length });
  };
  const say = () => {
    client.signal(ALL, { looking: opened }, { branch });
    count();
  };
  const stops = TYPES.map((type) => client.subscribe({ type }, hear, { branch }));
  stops.push(client.onState(state), every(SAID_EVERY_MS, say));
  state(client.state);
  return {
    /** Which place is open here; null: none. */
    open: (id) => {
      if (id === opened) return;
      opened = id;
      say();
    },
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** The server's figures every second while somebody can see them; returns what ends it. */
export const watchFigures = (show) =>
  every(FIGURES_EVERY_MS, async () => {
    if (document.hidden) return;
    const { tier1, ...figures } = await load('/stats').catch(() => ({}));
    if (tier1 !== undefined) show({ ...figures, entries: tier1.entries });
  });

function every(ms, run) {
  const timer = setInterval(run, ms);
  return () => clearInterval(timer);
}
