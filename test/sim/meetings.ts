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
    this.#read(from, focus);
    const at = from + 30 * random();
    switch (what) {
      case 'lostReply':
        return this.#lostReply(at, focus, replica);
      case 'slowReplies':
        return this.#slowReplies(at, focus, replica);
      case 'restore':
      case 'failover':
        return this.#forgetting(at, what, focus);
      default: {
        const lasts = random() < 0.4 ? 3100 + 2500 * random() : 200 + 2500 * random() * random();
        this.add(at, what, replica, this.#nat(), Math.floor(lasts));
        return this.#around(at, lasts, focus);
      }
    }
  }

  /** A bump is executed, its reply is lost, and it is sent again after the value was cached and changed once more. */
  #lostReply(at: number, focus: Focus, replica: number): number {
    const lasts = 100 + 400 * this.#random();
    this.add(at, 'change', onReplica(focus.branch, replica), focus.entity);
    this.add(at + 0.5 + 4 * this.#random(), 'lostReply', replica, 0, Math.floor(lasts));
    this.#read(at + lasts * 0.3, focus);
    this.add(at + lasts * (0.4 + 0.5 * this.#random()), 'change', onReplica(focus.branch, replica + 1), focus.entity);
    this.#read(at + lasts + 60 * this.#random(), focus);
    this.#read(at + lasts + 80 + 400 * this.#random(), focus);
    return at + lasts + 500;
  }

  /** A replica hears of nothing, its head checks answer late and then not at all; then what it trusts runs out. */
  #slowReplies(at: number, focus: Focus, replica: number): number {
    this.add(at, 'slowReplies', replica, 0, 9000);
    this.add(at + 5, 'halfOpen', replica, 1, 9000);
    const changed = at + 100 + 1000 * this.#random();
    this.add(changed, 'change', onReplica(focus.branch, replica + 1), focus.entity);
    for (let i = 0; i < 7; i++) this.#read(changed + 3035 + 60 * i, focus);
    return changed + 3600;
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
