import type { Library } from '../plant.js';
import { Acts } from './acts.js';
import { type PromiseName, Violation } from './check.js';
import { type Plan, planOf } from './plan.js';
import type { ServerRules } from './server-rules.js';
import { Simulation } from './simulation.js';
import { Subscribers } from './subscribers.js';
import { realmOf } from './realm.js';
import type { Trace } from './trace.js';
import { modelOf, valuesOf } from './world.js';
import { strike } from './weather.js';

export interface RunOptions {
  readonly rules?: Partial<ServerRules> | undefined;
  readonly trace?: Trace | undefined;
  /** What to judge; default: everything. */
  readonly judged?: readonly PromiseName[] | undefined;
}

/** After the last step: the longest fault, a TTL of trust, a queue that is sent again, an origin that times out. */
const REST_MS = 16_000;
const AUDIT_MS = 30_000;
/** Usually it takes less than this. */
const AUDITED_MS = 500;

/** Plays a plan on the library; resolves with what broke, or null. */
export async function play(library: Library, plan: Plan, options: RunOptions = {}): Promise<Violation | null> {
  const sim = new Simulation(library, plan, options);
  const { engine } = sim;
  const model = modelOf(1, () => undefined);
  const realm = library.defineView(model)({
    name: 'realm',
    load: (read, { kingdom }: { kingdom: string }) => realmOf(read as never, kingdom),
  });
  const acts = new Acts(sim, realm);
  const subscribers = new Subscribers(sim, acts);
  let last = 0;
  for (const step of plan.steps) {
    last = Math.max(last, step[0]);
    engine.at(step[0], () => {
      if (!acts.act(step) && !subscribers.act(step)) strike(sim, step);
    });
  }
  engine.at(last + REST_MS, () => {
    acts.audit(valuesOf(plan.seed % 3 === 0 ? 'draft' : 'main'));
  });
  const unhandled = (reason: unknown): void => {
    sim.violated(new Violation('P6', `a rejection that nobody handles: ${String(reason)}`));
  };
  process.on('unhandledRejection', unhandled);
  // Nobody looks at where an error was made; to find out takes a tenth of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  await engine.run(last + REST_MS + AUDITED_MS);
  while (sim.isBusy && engine.now < last + REST_MS + AUDIT_MS) await engine.run(engine.now + AUDITED_MS);
  // Node says so only when it has nothing else to do.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  Error.stackTraceLimit = stackTraceLimit;
  if (sim.violation === null) sim.finish();
  if (options.trace !== undefined) options.trace.wrong = sim.violation?.read;
  return sim.violation;
}

export interface Found {
  readonly seed: number;
  readonly seeds: number;
  readonly violation: Violation;
}

export interface Search {
  readonly first: number;
  readonly seeds: number;
  /** What is done to each plan before it is played. */
  readonly change?: ((plan: Plan) => Plan) | undefined;
  /** Where one of these fails too, over right servers, the failure is not the library's own, and the search goes on. */
  readonly unlike?: readonly Library[] | undefined;
}

/** Tries seeds from `first` on; resolves with the first that fails, or null. */
export async function search(
  library: Library,
  { first, seeds, change = (plan) => plan, unlike = [], ...options }: Search & RunOptions,
): Promise<Found | null> {
  for (let seed = first; seed < first + seeds; seed++) {
    const plan = change(planOf(seed));
    const violation = await play(library, plan, options);
    if (violation === null) continue;
    let isOwn = true;
    for (const other of unlike) isOwn &&= (await play(other, plan, { judged: options.judged })) === null;
    if (isOwn) return { seed, seeds: seed - first + 1, violation };
  }
  return null;
}
