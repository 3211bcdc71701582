import assert from 'node:assert/strict';
import { compile, tableOf } from 'tidemark/rules';
import { seeded } from './random.mjs';

const ROWS = 1_000;
const RULES = 100;
const JSON_LOGIC = 'json-logic-js';
const JLE = 'json-logic-engine, compiled (by eval), rule by rule';
const JLE_BY_ROW = 'json-logic-engine, compiled (by eval), row by row';
const SINGLE = 'tidemark evaluate';
const MANY = 'tidemark evaluateMany(rows)';
const TABLE = 'tidemark evaluateMany(table), the table made anew for each set of rules';

const random = seeded(11);
const below = (n) => Math.floor(random() * n);
const oneOf = (items) => items[below(items.length)];
const field = () => ({ var: oneOf(['population', 'level', 'wealth', 'tax', 'kingdom.level']) });
const compare = (left) => ({ [oneOf(['<', '<=', '>', '>='])]: [left, below(1_000)] });

/** Five operators each, reads aside. */
const SHAPES = [
  () => ({ and: [compare(field()), compare(field()), compare(field()), compare(field())] }),
  () => ({ if: [compare(field()), { '+': [{ '*': [field(), 2] }, field()] }, { '-': [field(), below(10)] }] }),
  () => ({ or: [compare({ '+': [field(), field()] }), compare({ '*': [field(), 3] })] }),
  () => compare({ '+': [{ '*': [field(), 2] }, { '*': [field(), 3] }, { '-': [field(), 1] }] }),
  () => ({
    and: [{ '===': [{ var: 'kind' }, oneOf(['town', 'port'])] }, compare(field()), { '!': [compare(field())] }],
  }),
];
const rules = Array.from({ length: RULES }, (_, i) => SHAPES[i % SHAPES.length]());

/** Rows of one hidden class, or of 32: optional fields, which no rule reads, are there or not. */
function rowsOf(shapes) {
  const optional = ['nickname', 'motto', 'patron', 'plague', 'siege'];
  return Array.from({ length: ROWS }, (_, i) => ({
    id: `s${i}`,
    ...Object.fromEntries(optional.filter((_name, k) => ((i % shapes) >> k) % 2 === 1).map((name) => [name, 'x'])),
    population: below(10_000),
    level: 1 + below(10),
    wealth: below(1_000),
    tax: below(1_000) / 8,
    kind: oneOf(['town', 'port', 'mill']),
    kingdom: { id: `k${i % 7}`, level: below(10) },
  }));
}

export default {
  title: 'Rules in JSONLogic',
  question: 'What does a rule cost, one at a time and over many rows, without eval?',
  setting: `${RULES} rules of five operators: comparisons, arithmetic, and, or, not, if, and one in five with a text; ${ROWS} rows of eight fields, nested ones too. Every variant's results are kept in arrays and compared with those of json-logic-js before and after. json-logic-engine compiles rules to JavaScript by eval: it is fast, cannot run where eval is forbidden, and must never see rules of others. The machine was shared with other work.`,
  packages: ['json-logic-js', 'json-logic-engine'],
  goals: [
    {
      text: `many rows: at least 10 × as fast as ${JSON_LOGIC}`,
      limit: 10,
      atLeast: true,
      actual: ({ between }) => between(batchTitle(1), JSON_LOGIC, TABLE),
    },
    {
      text: 'many rows of one shape: at least 2 × as fast as json-logic-engine, compiled',
      limit: 2,
      atLeast: true,
      actual: ({ between }) => between(batchTitle(1), JLE, TABLE),
    },
    {
      text: 'many rows of many shapes: at least 2 × as fast as json-logic-engine, compiled',
      limit: 2,
      atLeast: true,
      actual: ({ between }) => between(batchTitle(32), JLE, TABLE),
    },
    {
      text: `one rule on one context: at least 3 × as fast as ${JSON_LOGIC}`,
      limit: 3,
      atLeast: true,
      actual: ({ between }) => between('one rule on one context', JSON_LOGIC, SINGLE),
    },
    {
      text: 'compiling a rule of five operators: ≤ 10 µs',
      limit: 10,
      actual: ({ of }) => of('compile one rule', 'tidemark compile') / 1_000,
    },
  ],
  groups: [batch(1), batch(32), single(), compiling()],
};

function batchTitle(shapes) {
  return `${RULES} rules over ${ROWS} rows of ${shapes === 1 ? 'one shape' : `${shapes} shapes`}`;
}

async function jsonLogic() {
  const { default: engine } = await import('json-logic-js');
  return engine.apply;
}

async function compiledByJle() {
  const { LogicEngine } = await import('json-logic-engine');
  const engine = new LogicEngine();
  return rules.map((rule) => engine.build(rule));
}

// ── Many rows ───────────────────────────────────────────────────────────────────────────────────────────────────

/** An operation is all rules over all rows. */
function batch(shapes) {
  const rows = rowsOf(shapes);
  const byRule = (evaluate) => rules.map((_rule, i) => rows.map((row) => evaluate(i, row)));
  const compiled = () => rules.map((rule) => compile(rule));
  return {
    title: batchTitle(shapes),
    operation: `${RULES} × ${ROWS} evaluations`,
    reference: JLE,
    cases: [
      {
        name: JLE,
        make: async () => {
          const functions = await compiledByJle();
          return evaluating(rows, () =>
            functions.map((evaluate) => {
              const results = new Array(ROWS);
              for (let row = 0; row < ROWS; row++) results[row] = evaluate(rows[row]);
              return results;
            }),
          );
        },
      },
      {
        name: JLE_BY_ROW,
        make: async () => {
          const functions = await compiledByJle();
          return evaluating(rows, () => {
            const results = functions.map(() => new Array(ROWS));
            for (let row = 0; row < ROWS; row++) {
              for (let i = 0; i < RULES; i++) results[i][row] = functions[i](rows[row]);
            }
            return results;
          });
        },
      },
      {
        name: JSON_LOGIC,
        make: async () => {
          const apply = await jsonLogic();
          return evaluating(rows, () => byRule((i, row) => apply(rules[i], row)));
        },
      },
      {
        name: SINGLE,
        make: () => {
          const mine = compiled();
          return evaluating(rows, () => byRule((i, row) => mine[i].evaluate(row)));
        },
      },
      {
        name: MANY,
        make: () => {
          const mine = compiled();
          return evaluating(rows, () => mine.map((rule) => rule.evaluateMany(rows)));
        },
      },
      {
        name: TABLE,
        make: () => {
          const mine = compiled();
          return evaluating(rows, () => {
            const table = tableOf(rows);
            return mine.map((rule) => rule.evaluateMany(table));
          });
        },
      },
    ],
  };
}

async function evaluating(rows, evaluateAll) {
  const apply = await jsonLogic();
  return {
    run: (from, to) => {
      let sum = 0;
      for (let n = from; n < to; n++) {
        const results = evaluateAll();
        for (let i = 0; i < RULES; i++) sum += Number(results[i][(i * 37) % ROWS]);
      }
      return sum;
    },
    verify: () =>
      assert.deepEqual(
        evaluateAll(),
        rules.map((rule) => rows.map((row) => apply(rule, row))),
      ),
  };
}

// ── One at a time ───────────────────────────────────────────────────────────────────────────────────────────────

function single() {
  const rows = rowsOf(1);
  const rule = rules[0];
  const running = async (evaluate) => {
    const apply = await jsonLogic();
    return {
      run: (from, to) => {
        let sum = 0;
        for (let i = from; i < to; i++) sum += Number(evaluate(rows[i % ROWS])) + 1;
        return sum;
      },
      verify: () =>
        assert.deepEqual(
          rows.map(evaluate),
          rows.map((row) => apply(rule, row)),
        ),
    };
  };
  return {
    title: 'one rule on one context',
    operation: 'evaluation',
    reference: JSON_LOGIC,
    checked: ROWS,
    cases: [
      {
        name: JSON_LOGIC,
        make: async () => {
          const apply = await jsonLogic();
          return running((row) => apply(rule, row));
        },
      },
      { name: 'json-logic-engine, compiled (by eval)', make: async () => running((await compiledByJle())[0]) },
      {
        name: 'json-logic-engine, run',
        make: async () => {
          const { LogicEngine } = await import('json-logic-engine');
          const engine = new LogicEngine();
          return running((row) => engine.run(rule, row));
        },
      },
      {
        name: SINGLE,
        make: () => {
          const { evaluate } = compile(rule);
          return running(evaluate);
        },
      },
    ],
  };
}

function compiling() {
  const making = (make, evaluate) => ({
    run: (from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += typeof make(rules[i % RULES]) === 'undefined' ? 0 : 1;
      return sum;
    },
    verify: async () => {
      const [apply, [row]] = [await jsonLogic(), rowsOf(1)];
      for (const rule of rules) assert.deepEqual(evaluate(make(rule), row), apply(rule, row));
    },
  });
  return {
    title: 'compile one rule',
    operation: 'rule',
    reference: 'tidemark compile',
    cases: [
      { name: 'tidemark compile', make: () => making(compile, (rule, row) => rule.evaluate(row)) },
      {
        name: 'json-logic-engine build (by eval)',
        make: async () => {
          const { LogicEngine } = await import('json-logic-engine');
          const engine = new LogicEngine();
          return making(
            (rule) => engine.build(rule),
            (built, row) => built(row),
          );
        },
      },
    ],
  };
}
