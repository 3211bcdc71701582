import * as library from '../../src/index.js';
import { planOf } from './plan.js';
import { play } from './run.js';
import { shrink } from './shrink.js';
import { Trace } from './trace.js';
const seed = Number(process.env['SIM_SEED']);
const plan = planOf(seed);
const violation = await play(library, plan);
const least = violation === null ? null : process.env['FULL'] ? { plan } : await shrink(library, { plan, violation });
const trace = new Trace();
const v = await play(library, least?.plan ?? plan, { trace });
const lines = [
  ...trace.messages.map((m) => [m.sent, `msg ${m.from}→${m.to} ${m.what} (arr ${m.arrived.toFixed(1)})`] as const),
  ...trace.ops.flatMap((o) => [[o.from, `BEGIN ${o.lane} ${o.label}`] as const, [o.to, `END ${o.lane} ${o.label}`] as const]),
  ...trace.faults.map((o) => [o.from, `FAULT ${o.lane} ${o.label} until ${o.to.toFixed(1)}`] as const),
].sort((a, b) => a[0] - b[0]);
for (const [t, l] of lines) console.log(t.toFixed(1), l);
console.log(v?.message);
