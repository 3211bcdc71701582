/** What decorators of one parameter or method are, as functions. */
type OnMethod = (target: object, key: string, descriptor: PropertyDescriptor) => unknown;

/** What stands above a method, and before its parameters, in order; undefined for one with nothing before it. */
export interface Decorated {
  readonly on: readonly unknown[];
  readonly parameters?: readonly (ParameterDecorator | undefined)[] | undefined;
}

/** Decorators as the calls that a compiler makes of them: tests are run by one that knows none. */
export function decorate<Class extends new (...args: never[]) => object>(
  target: Class,
  on: readonly ClassDecorator[],
  methods: Readonly<Record<string, Decorated>> = {},
): Class {
  const { prototype } = target as { prototype: object };
  for (const [name, { on: above, parameters = [] }] of Object.entries(methods)) {
    const isClass = name === 'constructor';
    parameters.forEach((before, index) => before?.(isClass ? target : prototype, isClass ? undefined : name, index));
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
    if (!isClass) for (const decorator of [...above].reverse()) (decorator as OnMethod)(prototype, name, descriptor);
  }
  for (const decorator of [...on].reverse()) decorator(target);
  return target;
}
