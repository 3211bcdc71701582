import { HOT, IN } from './cast.js';
import { pick, weighted } from './dice.js';
import { type Steps, onReplica } from './steps.js';

/**
 * Steps that belong together. Left to chance, a change and a load of the same value would hardly ever meet; here they meet
 * at times that chance decides.
 */

/** One value read everywhere while it changes, by several replicas, and again at once. */
export function clash(steps: Steps, at: number): void {
  const { random } = steps;
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  const length = steps.chance(0.7) ? 12 : 60;
  const during = (share = 1): number => at + length * share * random();
  const after = (): number => at + length + 20 * random();
  const here = onReplica(focus.branch, replica);
  if (steps.chance(0.3)) steps.add(at - 1, 'scopeRead', replica, focus.entity, focus.list);
  for (let i = 0; i < 4; i++) steps.read(during(), focus);
  for (let i = 0; i < 2; i++) steps.change(during(0.7), focus);
  if (steps.chance(0.4)) {
    const realm = steps.nat();
    for (const when of [during(), during(), after(), after()]) steps.add(when, 'view', here, realm);
  }
  if (steps.chance(0.4)) steps.add(during(), 'strongRead', onReplica(focus.branch, steps.nat()), focus.entity);
  if (steps.chance(0.4)) steps.add(during(), weighted({ afterRead: 3, keyed: 1, transact: 1 }, random));
  if (steps.chance(0.2)) steps.add(during(0.7), 'delPattern');
  steps.read(after(), focus);
  if (steps.chance(0.3)) steps.add(after(), 'scopeRead', replica, focus.entity, focus.list);
}

/** What hangs under another is read while that goes, comes back or moves. */
export function family(steps: Steps, at: number): void {
  const { random } = steps;
  const [above, below] = pick(
    [
      [HOT.kingdom, HOT.settlement],
      [HOT.settlement, HOT.structure],
      [HOT.guild, HOT.structure],
      [HOT.kingdom, HOT.structure],
    ],
    steps.nat(),
  ) as [number, number];
  const branch = steps.chance(0.6) ? IN.main : IN.draft;
  const replica = steps.nat() % steps.config.replicas;
  const focus = { branch, entity: below, list: 1 };
  let from = at;
  if (steps.chance(0.4)) steps.read(from - 20, focus);
  for (let i = 0; i < 2; i++) {
    const length = steps.chance(0.6) ? 15 : 60;
    const during = (): number => from + length * random();
    steps.add(during(), 'change', onReplica(branch, steps.nat()), above, changeOf(steps));
    for (let read = 0; read < 3; read++) steps.add(during(), 'scopeRead', replica, below, 1);
    for (let read = 0; read < 2; read++) steps.read(during(), focus);
    steps.read(during(), { ...focus, list: 3 * steps.nat() });
    if (steps.chance(0.3)) steps.add(during(), 'view', onReplica(branch, replica), steps.nat());
    from += length + 20;
    steps.read(from, focus);
  }
}

/** Small numbers: announced at once. One in three deletes, one in three takes back what hides an inherited row. */
function changeOf(steps: Steps): number {
  const any = Math.floor(128 * steps.random());
  return weighted({ delete: 1, uncover: 1, any: 1 }, steps.random) === 'any'
    ? any
    : steps.chance(0.5)
      ? any & ~3
      : 4 + 5 * (any % 25);
}

/** A replica reads something as soon as it is there, and another changes it before anything can have been heard; then silence. Returns when it ends. */
export function start(steps: Steps, at: number): number {
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  steps.get(replica + 1, at, focus);
  steps.get(replica, at + 100 * steps.random(), focus);
  steps.changeOn(replica + 1, at + 30 + 200 * steps.random(), focus);
  steps.read(at + 4000, focus);
  return at + 4000;
}

/** A replica that hears nothing loads for long what another changes meanwhile, and is asked for it as it is by then. */
export function joining(steps: Steps, at: number): void {
  const { random } = steps;
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  steps.changeOn(replica + 1, at, focus);
  steps.add(at + 200, 'originSlow', 0, 1, 400);
  steps.add(at + 200, 'stall', replica, 1, 4 * 800);
  steps.get(replica, at + 220, focus);
  steps.changeOn(replica + 1, at + 230 + 40 * random(), focus);
  for (const what of ['strongRead', 'afterRead'] as const) {
    steps.add(at + 290 + 60 * random(), what, onReplica(focus.branch, replica), focus.entity, 0);
  }
}

/** The computed fields of a settlement are read everywhere while what its rules look at changes, or the rules do. */
export function ruling(steps: Steps, at: number): void {
  const { random } = steps;
  const { branch } = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  const [which, hot] = steps.chance(0.5) ? [steps.nat(), false] : [0, true];
  const length = weighted({ '15': 3, '80': 2, '2500': 1 }, random);
  const during = (): number => at + Number(length) * random();
  const read = (when: number): void => {
    for (let each = 0; each < steps.config.replicas; each++) steps.add(when, 'fields', onReplica(branch, each), which);
  };
  if (steps.chance(0.7)) read(at - 20);
  const looksAt = hot ? [HOT.settlement, HOT.kingdom, HOT.structure] : [steps.nat()];
  for (let i = 0; i < 2; i++) {
    if (steps.chance(0.5)) steps.add(during(), 'editRules', replica + i);
    else steps.add(during(), 'change', onReplica(branch, steps.nat()), pick(looksAt, steps.nat()));
  }
  for (let i = 0; i < 4; i++) steps.add(during(), 'fields', onReplica(branch, steps.nat()), which);
  read(at + Number(length) + 20 * random());
}

/** It is asked where things are while they move, and provinces are redrawn. */
export function mapping(steps: Steps, at: number): void {
  const { random } = steps;
  const { branch } = steps.focus();
  const which = steps.nat();
  const length = Number(weighted({ '15': 3, '80': 2, '2500': 1 }, random));
  const during = (): number => at + length * random();
  const ask = (when: number): void => {
    for (let each = 0; each < steps.config.replicas; each++) steps.add(when, 'where', onReplica(branch, each), which);
  };
  if (steps.chance(0.7)) ask(at - 20);
  // What is not heard of may have been anywhere.
  if (steps.chance(0.2)) steps.add(at - 1, 'lose', steps.nat(), 0, length + 30);
  for (let i = 0; i < 3; i++) {
    const what = steps.chance(0.4) ? 'redraw' : 'change';
    steps.add(during(), what, onReplica(branch, steps.nat()), what === 'change' ? HOT.settlement : steps.nat());
  }
  for (let i = 0; i < 4; i++) steps.add(during(), 'where', onReplica(branch, steps.nat()), which);
  ask(at + length + 20 * random());
}

/** Two replicas change two values at once, and whoever has a receipt asks a third. */
export function crossing(steps: Steps, at: number): void {
  const { random } = steps;
  const [one, other] = [steps.focus(), steps.focus()];
  const replica = steps.nat();
  for (const focus of [one, other]) steps.read(at - 40, focus);
  steps.changeOn(replica, at, one);
  steps.changeOn(replica + 1, at + 3 * random(), other);
  for (let i = 0; i < 6; i++)
    steps.add(at + 3 + 40 * random() * random(), 'afterRead', onReplica(one.branch, steps.nat()));
  for (const focus of [one, other]) steps.read(at + 60 * random(), focus);
}

/** A change whose backend is terminated, before it has committed or after; then everybody reads. */
export function interruption(steps: Steps, at: number): void {
  const { random } = steps;
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  steps.read(at - 40, focus);
  steps.changeOn(replica, at, focus);
  steps.add(at + 1 + 12 * random(), 'lostReply', replica, 0, 30 + 100 * Math.floor(random() * 3));
  for (let i = 0; i < 4; i++) steps.read(at + 20 + 200 * random(), focus);
}

/** Marks are emptied after a change, before anybody has read what it changed. */
export function emptying(steps: Steps, at: number): void {
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  steps.get(replica, at - 40, focus);
  steps.changeOn(replica + 1, at, focus);
  steps.add(at + 15 + 40 * steps.random(), 'flush');
  for (let i = 0; i < 3; i++) steps.get(replica + 2, at + 60 + 40 * i, focus);
}

/** The fork hangs elsewhere, and not everybody knows. */
export function regraft(steps: Steps, at: number): void {
  const focus = { branch: IN.fork, entity: steps.nat(), list: 1 };
  const replica = steps.nat() % steps.config.replicas;
  steps.add(at, 'reparent', replica, 0);
  steps.add(at + 700, 'reparent', replica, 1);
  for (let i = 0; i < 3; i++) steps.read(at + 703 + 40 * steps.random(), focus);
  steps.changeOn(steps.nat(), at + 750 + 400 * steps.random(), { ...focus, branch: IN.draft });
  for (const later of [1200, 1500]) steps.read(at + later, focus);
}

/** The origin's copy is behind, and of the change nobody hears but by reading its mark. */
export function lag(steps: Steps, at: number): void {
  const { random, config } = steps;
  const focus = steps.focus();
  const replica = steps.nat() % steps.config.replicas;
  const stalledMs = 100 + 600 * random();
  steps.get(replica, at - 30, steps.focus());
  steps.add(at, 'halfOpen', replica, 1, 9000);
  steps.add(at + 10, 'stall', replica, 0, 4 * stalledMs);
  steps.get(replica, at + 12, focus);
  steps.changeOn(replica + 1, at + 10 + stalledMs - config.lagMs * random(), focus);
  for (const later of [50, 300, 1200]) steps.read(at + stalledMs + later, focus);
}

/** A change that is written down with its data, by a replica that may die on the way, between others of the same value. */
export function writing(steps: Steps, at: number): void {
  const { random, config } = steps;
  const focus = steps.focus();
  const replica = steps.nat() % config.replicas;
  const on = (other: number): number => onReplica(focus.branch, other % config.replicas);
  if (steps.chance(0.5)) steps.add(at - 30, 'subscribe', on(replica + 1), focus.entity);
  steps.read(at - 20, focus);
  steps.add(at, 'write', on(replica), focus.entity);
  if (steps.chance(0.5)) {
    const awayMs = 200 + 4000 * random() * random();
    steps.add(at + 45 * random(), 'crash', replica, steps.nat(), Math.floor(awayMs));
  }
  if (steps.chance(0.4)) steps.add(at + 60 * random(), 'write', on(replica + 1), focus.entity);
  if (steps.chance(0.4)) steps.changeOn(replica + 1, at + 100 + 2500 * random(), focus);
  for (const laterMs of [100, 2000, 4000]) steps.read(at + laterMs + 1500 * random(), focus);
}

/** A value is loaded, written without a word, and everything deleted by pattern before the load is over; the word comes later. */
export function sweeping(steps: Steps, at: number): void {
  const { random, config } = steps;
  const focus = steps.focus();
  const slow = steps.chance(0.7);
  if (slow) steps.add(at - 1, 'originSlow', 0, 1, 60);
  const length = slow ? 60 : 8;
  const moments = [random(), random(), random()].sort((a, b) => a - b).map((share) => at + length * share);
  const [load = at, write = at, sweep = at] = moments;
  steps.read(load, focus);
  const announcedLate = pick([4, 5], steps.nat()) << 7;
  steps.add(
    write,
    'change',
    onReplica(focus.branch, steps.nat()),
    focus.entity,
    announcedLate + Math.floor(128 * random()),
  );
  steps.add(sweep, 'delPattern', steps.nat() % config.replicas);
  for (let i = 0; i < 3; i++) steps.read(sweep + 2 + length * random(), focus);
}
