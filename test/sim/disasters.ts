import { weighted } from './dice.js';
import { CLIENTS, type Fault, type What } from './plan.js';
import { type Focus, type Steps } from './steps.js';

/** What goes wrong, with changes and reads of one value around it. */

/** Returns when it goes on. */
export function disaster(steps: Steps, from: number, what: Fault): number {
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  const at = from + 30 * steps.random();
  const arranged = steps.chance(0.6) ? ARRANGED[what] : undefined;
  if (arranged !== undefined) {
    // Everybody is there and hears; of the value itself nobody knows yet.
    steps.read(from - 10, steps.focus());
    return arranged(steps, at, { focus, replica });
  }
  steps.read(from, focus);
  if (what === 'restore' || what === 'failover') return forgetting(steps, at, what, focus);
  const lastsMs = steps.chance(0.4) ? 3100 + 2500 * steps.random() : 200 + 2500 * steps.random() * steps.random();
  steps.add(at, what, replica, steps.nat(), Math.floor(lastsMs));
  return around(steps, at, lastsMs, focus);
}

type Arranged = (steps: Steps, at: number, about: { readonly focus: Focus; readonly replica: number }) => number;

const ARRANGED: Partial<Record<Fault, Arranged>> = {
  lostReply,
  stall: echo,
  lose: hole,
  slowReplies: slowAnswers,
  halfOpen: outOfTouch,
  split,
  cut: queued,
};

type About = Parameters<Arranged>[2];

/** A bump is executed, its reply is lost, and it is sent again after the value was cached and changed once more. */
function lostReply(steps: Steps, at: number, { focus, replica }: About): number {
  const lastsMs = 60 + 200 * steps.random();
  steps.changeOn(replica, at, focus);
  steps.add(at + 0.5 + 3 * steps.random(), 'lostReply', replica, 0, Math.floor(lastsMs));
  steps.get(replica + 1, at + 20, focus);
  steps.changeOn(replica + 1, at + 50, focus);
  for (let i = 0; i < 3; i++) steps.get(replica + 2, at + lastsMs + 45 + 15 * i, focus);
  return at + lastsMs + 200;
}

/** The reply to a bump is late: the next change of the same value is heard before it. */
function echo(steps: Steps, at: number, { focus, replica }: About): number {
  if (steps.chance(0.7)) steps.get(replica, at - 20, focus);
  steps.changeOn(replica, at, focus);
  steps.add(at + 2 * steps.random(), 'stall', replica, 0, 240);
  steps.get(replica + 1, at + 4, focus);
  steps.changeOn(replica + 1, at + 22 + 10 * steps.random(), focus);
  for (let i = 0; i < 3; i++) steps.get(replica, at + 64 + 8 * i, focus);
  return at + 120;
}

/** A message is lost, the next one shows it. */
function hole(steps: Steps, at: number, { focus, replica }: About): number {
  steps.read(at, focus);
  steps.add(at + 30, 'lose', replica, 0, 100);
  steps.changeOn(replica + 1, at + 32, focus);
  steps.changeOn(replica + 1, at + 40, steps.focus());
  steps.get(replica, at + 50, focus);
  steps.read(at + 60, focus);
  return at + 80;
}

/** A replica hears of nothing, and asks in vain; then what it trusts runs out. */
function outOfTouch(steps: Steps, at: number, { focus, replica }: About): number {
  steps.read(at - 30, focus);
  steps.add(at + 5, 'halfOpen', replica, 2, 9000);
  const changed = at + 100 + 1000 * steps.random();
  steps.changeOn(replica + 1, changed, focus);
  for (let i = 0; i < 7; i++) steps.get(replica, changed + 3035 + 60 * i, focus);
  return changed + 3600;
}

/** The same, but the last answer that it gets is late: it says how things stood when it was asked for. */
function slowAnswers(steps: Steps, at: number, { focus, replica }: About): number {
  steps.read(at - 30, focus);
  steps.add(at, 'slowReplies', replica, 0, 9000);
  steps.add(at + 5, 'halfOpen', replica, 1, 9000);
  const changed = at + 1000 + 1500 * steps.random();
  steps.changeOn(replica + 1, changed, focus);
  steps.add(changed + 430 + 400 * steps.random(), 'halfOpen', replica, 0, 9000);
  for (let i = 0; i < 7; i++) steps.get(replica, changed + 3035 + 50 * i, focus);
  return changed + 3600;
}

/**
 * One replica is alone with the old server: what it changes there, the others do not hear of before it says so again. The
 * other side may have as many changes of the same value meanwhile.
 */
function split(steps: Steps, at: number, { focus, replica }: About): number {
  const lastsMs = 200 + 1500 * steps.random();
  steps.add(at, 'split', 0, 1 << replica, Math.floor(lastsMs));
  steps.get(replica + 1, at + 70, focus);
  steps.changeOn(replica, at + 100, focus);
  if (steps.chance(0.5)) {
    steps.get(replica, at + 115, focus);
    steps.changeOn(replica + 1, at + 145 + 40 * steps.random(), focus);
  }
  for (let i = 0; i < 4; i++) steps.read(at + lastsMs + 30 + 100 * i * i, focus);
  return at + lastsMs + 1000;
}

/** A change waits while the store cannot be reached, and the store is back before it has been sent. */
function queued(steps: Steps, at: number, { focus, replica }: About): number {
  const lastsMs = 200 + 1500 * steps.random();
  steps.read(at - 30, focus);
  steps.add(at, 'cut', replica, steps.chance(0.5) ? 0 : 2, Math.floor(lastsMs));
  steps.changeOn(replica, at + lastsMs * steps.random(), focus);
  for (let i = 0; i < 6; i++) steps.get(replica, at + lastsMs + 1 + 3 * i * i, focus);
  steps.read(at + lastsMs + 1100, focus);
  return at + lastsMs + 1200;
}

/** What is written between a copy and the fault is forgotten. */
function forgetting(steps: Steps, at: number, what: Fault, focus: Focus): number {
  const { random } = steps;
  const writtenMs = 200 * random();
  steps.add(at, 'snapshot');
  for (let i = 0; i < 3; i++) {
    if (steps.chance(0.7)) steps.change(at + 1 + writtenMs * random(), focus);
    else steps.add(at + 1 + writtenMs * random(), weighted({ setKey: 2, bulk: 1, delPattern: 1, change: 2 }, random));
    steps.read(at + 1 + writtenMs * random(), focus);
  }
  const from = at + writtenMs + 10 * random();
  const lastsMs = 100 + 900 * random();
  steps.add(from, what, steps.nat(), steps.nat(), Math.floor(lastsMs));
  return around(steps, from, lastsMs, focus);
}

function around(steps: Steps, at: number, lastsMs: number, focus: Focus): number {
  const { random } = steps;
  const client = (): What => weighted(CLIENTS, random);
  steps.read(at + 10 + 100 * random(), focus);
  steps.change(at + lastsMs * 0.3 * random(), focus);
  for (let i = 0; i < 4; i++) {
    const when = at + lastsMs * 1.2 * random();
    if (steps.chance(0.5)) steps.change(when, focus);
    else steps.add(when, client());
    steps.read(at + lastsMs * (0.2 + random()), focus);
    steps.add(when + 20 * random(), client());
  }
  // When it ends, when connections are back, when what was trusted has run out.
  steps.read(at + lastsMs + 2, focus);
  steps.read(at + lastsMs + 40 + 60 * random(), focus);
  steps.read(at + lastsMs + 1500 * random(), focus);
  steps.read(at + lastsMs + 2500 + 2000 * random(), focus);
  return at + lastsMs * (0.5 + random());
}
