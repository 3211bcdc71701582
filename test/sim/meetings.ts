import { type Random, weighted } from './dice.js';
import { CLIENTS, type Fault, type Step, type What } from './plan.js';

/** One value that a meeting is about: the same dice for everybody. */
interface Focus {
  readonly branch: number;
  readonly entity: number;
  readonly list: number;
}

/**
 * Steps that belong together. Left to chance, a change, a load and a fault of the same value would hardly ever meet; here
 * they meet at times that chance decides.
 */
export class Meetings {
  readonly steps: Step[] = [];
  readonly #random: Random;
  readonly #replicas: number;

  constructor(random: Random, replicas: number) {
    this.#random = random;
    this.#replicas = replicas;
  }

  add(at: number, what: What, a = this.#nat(), b = this.#nat(), c = this.#nat()): void {
    this.steps.push([Math.round(at * 10) / 10, what, a, b, c]);
  }

  /** One value read everywhere while it changes, by several replicas, and again at once. */
  clash(at: number): void {
    const random = this.#random;
    const focus = this.#focus();
    const replica = this.#nat();
    const length = random() < 0.7 ? 12 : 60;
    const during = (share = 1): number => at + length * share * random();
    if (random() < 0.3) this.add(at - 1, 'scopeRead', replica, focus.entity, focus.list);
    for (let i = 0; i < 4; i++) this.#read(during(), focus);
    for (let i = 0; i < 2; i++) this.#change(during(0.7), focus);
    if (random() < 0.5)
      this.add(during(), weighted({ view: 2, keyed: 1, afterRead: 2, strongRead: 1, transact: 1 }, random));
    if (random() < 0.2) this.add(during(0.7), 'delPattern');
    this.#read(at + length + 20 * random(), focus);
    if (random() < 0.3) this.add(at + length + 20 * random(), 'scopeRead', replica, focus.entity, focus.list);
  }

  /** A fault with changes and reads of one value around it. Returns when it goes on. */
  disaster(from: number, what: Fault): number {
    const random = this.#random;
    const focus = this.#focus();
    const replica = Math.floor(random() * 8);
    const at = from + 30 * random();
    const arranged = random() < 0.6 ? this.#arranged(what) : undefined;
    if (arranged !== undefined) {
      // Everybody is there and hears; of the value itself nobody knows yet.
      this.#read(from - 10, this.#focus());
      return arranged.call(this, at, focus, replica);
    }
    this.#read(from, focus);
    if (what === 'restore' || what === 'failover') return this.#forgetting(at, what, focus);
    const lasts = random() < 0.4 ? 3100 + 2500 * random() : 200 + 2500 * random() * random();
    this.add(at, what, replica, this.#nat(), Math.floor(lasts));
    return this.#around(at, lasts, focus);
  }

  /** @dev */ arrangedFor(what: Fault) {
    return this.#arranged(what);
  }
  #arranged(what: Fault): ((at: number, focus: Focus, replica: number) => number) | undefined {
    switch (what) {
      case 'lostReply':
        return this.#lostReply;
      case 'stall':
        return this.#echo;
      case 'lose':
        return this.#hole;
      case 'slowReplies':
      case 'halfOpen':
        return (at, focus, replica) => this.#outOfTouch(at, focus, { replica, slow: what === 'slowReplies' });
      case 'split':
        return this.#split;
      case 'cut':
        return this.#queued;
      default:
        return undefined;
    }
  }

  /** A bump is executed, its reply is lost, and it is sent again after the value was cached and changed once more. */
  #lostReply(at: number, focus: Focus, replica: number): number {
    const lasts = 60 + 200 * this.#random();
    this.#changeOn(replica, at, focus);
    this.add(at + 0.5 + 3 * this.#random(), 'lostReply', replica, 0, Math.floor(lasts));
    this.#get(replica + 1, at + 20, focus);
    this.#changeOn(replica + 1, at + 50, focus);
    for (let i = 0; i < 3; i++) this.#get(replica + 2, at + lasts + 45 + 15 * i, focus);
    return at + lasts + 200;
  }

  /** The reply to a bump is late: the next change of the same value is heard before it. */
  #echo(at: number, focus: Focus, replica: number): number {
    if (this.#random() < 0.5) this.#get(replica, at - 8, focus);
    this.#changeOn(replica, at, focus);
    this.add(at + 1 + 2 * this.#random(), 'stall', replica, 0, 240);
    this.#get(replica + 1, at + 4, focus);
    this.#changeOn(replica + 1, at + 22, focus);
    for (let i = 0; i < 3; i++) this.#get(replica, at + 64 + 8 * i, focus);
    return at + 120;
  }

  /** A message is lost, the next one shows it. */
  #hole(at: number, focus: Focus, replica: number): number {
    this.#read(at, focus);
    this.add(at + 30, 'lose', replica, 0, 100);
    this.#changeOn(replica + 1, at + 32, focus);
    this.#changeOn(replica + 1, at + 40, this.#focus());
    this.#get(replica, at + 50, focus);
    this.#read(at + 60, focus);
    return at + 80;
  }

  /** A replica hears of nothing, and asks in vain or is answered late; then what it trusts runs out. */
  #outOfTouch(
    at: number,
    focus: Focus,
    { replica, slow }: { readonly replica: number; readonly slow: boolean },
  ): number {
    this.#read(at - 30, focus);
    if (slow) this.add(at, 'slowReplies', replica, 0, 9000);
    this.add(at + 5, 'halfOpen', replica, slow ? 1 : 2, 9000);
    const changed = at + 100 + 1000 * this.#random();
    this.#changeOn(replica + 1, changed, focus);
    for (let i = 0; i < 7; i++) this.#get(replica, changed + 3035 + 60 * i, focus);
    return changed + 3600;
  }

  /** One replica is alone with the old server: what it changes there, the others do not hear of before it says so again. */
  #split(at: number, focus: Focus, replica: number): number {
    const lasts = 150 + 1500 * this.#random();
    this.add(at, 'split', 0, 1 << (replica % this.#replicas), Math.floor(lasts));
    this.#get(replica + 1, at + 70, focus);
    this.#changeOn(replica, at + 100, focus);
    for (let i = 0; i < 4; i++) this.#read(at + lasts + 30 + 100 * i * i, focus);
    return at + lasts + 1000;
  }

  /** A change waits while the store cannot be reached, and the store is back before it has been sent. */
  #queued(at: number, focus: Focus, replica: number): number {
    const lasts = 200 + 1500 * this.#random();
    this.#read(at - 30, focus);
    this.add(at, 'cut', replica, this.#random() < 0.5 ? 0 : 2, Math.floor(lasts));
    this.#changeOn(replica, at + lasts * this.#random(), focus);
    for (let i = 0; i < 6; i++) this.#get(replica, at + lasts + 1 + 3 * i * i, focus);
    this.#read(at + lasts + 1100, focus);
    return at + lasts + 1200;
  }

  /** What is written between a copy and the fault is forgotten. */
  #forgetting(at: number, what: Fault, focus: Focus): number {
    const random = this.#random;
    const written = 200 * random();
    this.add(at, 'snapshot');
    for (let i = 0; i < 3; i++) {
      if (random() < 0.7) this.#change(at + 1 + written * random(), focus);
      else this.add(at + 1 + written * random(), weighted({ setKey: 2, bulk: 1, delPattern: 1, change: 2 }, random));
      this.#read(at + 1 + written * random(), focus);
    }
    const from = at + written + 10 * random();
    const lasts = 100 + 900 * random();
    this.add(from, what, this.#nat(), this.#nat(), Math.floor(lasts));
    return this.#around(from, lasts, focus);
  }

  #around(at: number, lasts: number, focus: Focus): number {
    const random = this.#random;
    const client = (): What => weighted(CLIENTS, random);
    this.#read(at + 10 + 100 * random(), focus);
    this.#change(at + lasts * 0.3 * random(), focus);
    for (let i = 0; i < 4; i++) {
      const when = at + lasts * 1.2 * random();
      if (random() < 0.5) this.#change(when, focus);
      else this.add(when, client());
      this.#read(at + lasts * (0.2 + random()), focus);
      this.add(when + 20 * random(), client());
    }
    // When it ends, when connections are back, when what was trusted has run out.
    this.#read(at + lasts + 2, focus);
    this.#read(at + lasts + 40 + 60 * random(), focus);
    this.#read(at + lasts + 1500 * random(), focus);
    this.#read(at + lasts + 2500 + 2000 * random(), focus);
    return at + lasts * (0.5 + random());
  }

  // ── One step ──────────────────────────────────────────────────────────────────────────────────────────────────

  #focus(): Focus {
    return { branch: this.#nat(), entity: this.#nat(), list: this.#nat() };
  }

  #get(replica: number, at: number, { branch, entity }: Focus): void {
    this.add(at, 'get', onReplica(branch, replica), entity);
  }

  #changeOn(replica: number, at: number, { branch, entity }: Focus): void {
    // Small dice: announced at once.
    this.add(at, 'change', onReplica(branch, replica), entity, Math.floor(128 * this.#random()));
  }

  #read(at: number, { branch, entity, list }: Focus): void {
    this.add(at, 'everywhere', branch, entity, list);
  }

  #change(at: number, { branch, entity }: Focus): void {
    this.add(at, 'change', onReplica(branch, Math.floor(this.#random() * this.#replicas)), entity);
  }

  #nat(): number {
    return Math.floor(this.#random() * 10_000);
  }
}

/** The dice of a branch with those of a replica in their lowest bits. */
const onReplica = (branch: number, replica: number): number => (branch & ~7) | (replica & 7);
