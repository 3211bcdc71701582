import fc from 'fast-check';

/** Random rules of the official core, well typed, and contexts that they fit: where all engines should agree. */

export interface CoreContext {
  readonly population: number;
  readonly level: number;
  readonly wealth: number;
  readonly name: string;
  readonly open: boolean;
  readonly note: string | null;
  readonly scores: readonly number[];
  readonly kingdom: { readonly level: number; readonly name: string };
  readonly structures: readonly { readonly kind: string; readonly level: number; readonly cost: number }[];
}

const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: -4000, max: 4000 }).map((n) => n / 8),
);
const text = fc.constantFrom('', 'a', 'mill', 'Harrow', 'New Harrow', '7', '0', 'x y');

export const coreContext: fc.Arbitrary<CoreContext> = fc.record({
  population: fc.nat(10_000),
  level: fc.integer({ min: 1, max: 10 }),
  wealth: number,
  name: text,
  open: fc.boolean(),
  note: fc.oneof(text, fc.constant(null)),
  scores: fc.array(number, { maxLength: 5 }),
  kingdom: fc.record({ level: fc.nat(10), name: text }),
  structures: fc.array(fc.record({ kind: text, level: fc.nat(5), cost: number }), { maxLength: 4 }),
});

type Kind = 'number' | 'boolean' | 'text' | 'numbers' | 'any';
/** What `var` finds: the context, an item of `scores`, or one of `structures`. */
type Scope = 'context' | 'score' | 'structure';
type Rule = fc.Arbitrary<unknown>;

const PATHS: Readonly<Record<Scope, Readonly<Partial<Record<Kind, readonly string[]>>>>> = {
  context: {
    number: ['population', 'level', 'wealth', 'kingdom.level'],
    boolean: ['open'],
    text: ['name', 'kingdom.name'],
    numbers: ['scores'],
    any: ['note', 'absent', 'kingdom.absent', 'structures', 'structures.0', 'structures.1.kind', 'scores.0', ''],
  },
  score: { number: [''], any: ['', 'absent'] },
  structure: { number: ['level', 'cost'], text: ['kind'], any: ['', 'kind', 'absent'] },
};

export function coreRule(depth: number): Rule {
  const made = new Map<string, Rule>();
  const rule = (kind: Kind, scope: Scope, left: number): Rule => {
    const key = `${kind} ${scope} ${String(left)}`;
    let one = made.get(key);
    if (one === undefined)
      made.set(
        key,
        (one = left === 0 ? leaf(kind, scope) : fc.oneof(leaf(kind, scope), ...branches(kind, scope, left - 1))),
      );
    return one;
  };

  function leaf(kind: Kind, scope: Scope): Rule {
    const paths = PATHS[scope][kind];
    const read = paths === undefined ? [] : [fc.constantFrom(...paths).map((path) => ({ var: path }))];
    switch (kind) {
      case 'number':
        return fc.oneof(number, ...read, ...read);
      case 'boolean':
        return fc.oneof(fc.boolean(), ...read);
      case 'text':
        return fc.oneof(text, ...read);
      case 'numbers':
        return fc.oneof(fc.array(number, { maxLength: 3 }), ...read);
      case 'any':
        return fc.oneof(leaf('number', scope), leaf('text', scope), fc.constant(null), ...read);
    }
  }

  function branches(kind: Kind, scope: Scope, left: number): Rule[] {
    const own = (of: Kind): Rule => rule(of, scope, left);
    const list = (of: Kind, minLength: number, maxLength = 3): Rule => fc.array(own(of), { minLength, maxLength });
    const call = (names: readonly string[], ...args: Rule[]): Rule =>
      fc.tuple(fc.constantFrom(...names), fc.tuple(...args)).map(([name, given]) => ({ [name]: given }));
    const spread = (names: readonly string[], args: Rule): Rule =>
      fc.tuple(fc.constantFrom(...names), args).map(([name, given]) => ({ [name]: given }));
    // null as what a loop does is refused, as the shared suites have it.
    const body = (of: Kind, item: Scope): Rule => rule(of, item, left).filter((made) => made !== null);
    const over = (names: readonly string[], of: Kind): Rule[] => [
      call(names, own('numbers'), body(of, 'score')),
      ...(scope === 'context' ? [call(names, fc.constant({ var: 'structures' }), body(of, 'structure'))] : []),
    ];
    const choice = fc.oneof(
      call(['if', '?:'], own('boolean'), own(kind), own(kind)),
      call(['if'], own('any'), own(kind), own('boolean'), own(kind), own(kind)),
    );
    const divisor = fc.constantFrom(1, 2, -3, 0.5, 8);
    switch (kind) {
      case 'number':
        return [
          spread(['+', '*'], list('number', 1)),
          call(['-'], own('number'), own('number')),
          call(['-'], own('number')),
          call(['/', '%'], own('number'), divisor),
          spread(['max', 'min'], list('number', 1)),
          call(['reduce'], own('numbers'), reducer, own('number')),
          choice,
        ];
      case 'boolean':
        return [
          call(['<', '<=', '>', '>=', '==', '!=', '===', '!=='], own('number'), own('number')),
          call(['<', '<='], own('number'), own('number'), own('number')),
          call(['==', '!=', '===', '!==', '<', '>='], own('text'), own('text')),
          call(['===', '!=='], own('number'), own('text')),
          call(['!', '!!'], own('any')),
          spread(['and', 'or'], list('boolean', 1)),
          call(['in'], own('text'), own('text')),
          call(['in'], own('number'), own('numbers')),
          ...over(['some', 'all', 'none'], 'boolean'),
          choice,
        ];
      case 'text':
        return [
          spread(['cat'], fc.array(fc.oneof(own('text'), own('number'), own('boolean')), { maxLength: 3 })),
          call(['substr'], own('text'), fc.integer({ min: -4, max: 4 })),
          call(['substr'], own('text'), fc.integer({ min: -4, max: 4 }), fc.integer({ min: -4, max: 4 })),
          choice,
        ];
      case 'numbers':
        return [
          ...over(['map'], 'number'),
          call(['filter'], own('numbers'), rule('boolean', 'score', left)),
          spread(['merge'], list('numbers', 0)),
          choice,
        ];
      case 'any':
        return [
          ...(['number', 'boolean', 'text', 'numbers'] as const).map(own),
          spread(['and', 'or'], list('any', 1)),
          spread(['merge'], list('any', 0)),
          list('any', 0),
          ...over(['map', 'filter'], 'any'),
          call(['var'], fc.constantFrom('absent', 'note', 'name'), own('any')),
          spread(
            ['missing'],
            fc.array(fc.constantFrom('absent', 'note', 'name', 'level', 'kingdom.level'), { maxLength: 3 }),
          ),
          fc.nat(3).map((least) => ({ missing_some: [least, ['absent', 'note', 'name', 'kingdom.absent']] })),
          choice,
        ];
    }
  }

  const reducer: Rule = fc.constantFrom(
    { '+': [{ var: 'current' }, { var: 'accumulator' }] },
    { max: [{ var: 'accumulator' }, { '*': [{ var: 'current' }, 2] }] },
    { '-': [{ var: 'accumulator' }, { var: 'current' }] },
  );
  return rule('any', 'context', depth);
}
