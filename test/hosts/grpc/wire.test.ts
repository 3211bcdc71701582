import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { isTidemarkError } from '../../../src/errors.js';
import { METHODS, type MethodName, SERVICE } from '../../../src/hosts/grpc/messages.js';
import { RULES_PROTO } from '../../../src/hosts/grpc/proto.js';
import { type Field, type Message, type ValueOf, decode, encode } from '../../../src/hosts/grpc/wire.js';

const { root } = protobuf.parse(RULES_PROTO);
const service = root.lookupService(SERVICE);
const names = Object.keys(METHODS) as MethodName[];
/** Every message of the service, beside what protobufjs reads in the shipped text. */
const messages = names.flatMap((name) =>
  (['request', 'response'] as const).map((side) => {
    const method = service.methods[name];
    const typeName = (side === 'request' ? method?.requestType : method?.responseType) ?? '';
    const message: Message = METHODS[name][side];
    return { name: `${name}.${side}`, message, type: root.lookupType(`tidemark.rules.v1.${typeName}`) };
  }),
);

const word = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/\p{Surrogate}/gu, ''));
const KINDS = {
  string: word,
  bool: fc.boolean(),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }),
  uint: fc.nat(),
} as const;

function valueOf(message: Message): fc.Arbitrary<Record<string, unknown>> {
  const fieldOf = ({ kind, count }: Field): fc.Arbitrary<unknown> => {
    const single: fc.Arbitrary<unknown> = typeof kind === 'string' ? KINDS[kind] : valueOf(kind);
    if (count === 'many') return fc.array(single, { maxLength: 3 });
    return count === 'maybe' ? fc.option(single, { nil: undefined }) : single;
  };
  return fc.record(Object.fromEntries(Object.entries(message).map(([name, one]) => [name, fieldOf(one)])));
}
const FULL = { defaults: true, arrays: true, objects: true };
/** As protobufjs says it: what is absent is left out, of `optional` and messages too. */
const present = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, one: unknown) => one ?? undefined));

test('the service of the shipped text has the six methods, and no others', () => {
  expect(Object.keys(service.methods).sort()).toEqual([...names].sort());
  expect(names).toHaveLength(6);
});

describe.each(messages)('$name', ({ message, type }) => {
  test('has the fields of the shipped text', () => {
    type.resolveAll();
    const theirs = type.fieldsArray.map(({ name, id }) => `${name} ${String(id)}`);
    const ours = Object.entries(message).map(([name, { number }]) => `${name} ${String(number)}`);
    expect(ours.sort()).toEqual(theirs.sort());
  });

  test('is read by protobufjs as it was written, and written by it as it is read', () => {
    fc.assert(
      fc.property(valueOf(message), (value) => {
        const bytes = encode(message, value as ValueOf<Message>);
        expect(decode(message, bytes)).toEqual(value);
        expect(present(type.toObject(type.decode(bytes), FULL))).toEqual(present(value));
        const theirs = type.encode(type.fromObject(present(value) as object)).finish();
        expect(present(decode(message, theirs))).toEqual(present(value));
      }),
      { numRuns: 50 },
    );
  });

  test('of garbage is either a message or INVALID_REQUEST', () => {
    const cut = valueOf(message).chain((value) =>
      fc.nat(200).map((at) => encode(message, value as ValueOf<Message>).subarray(0, at)),
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), cut), (bytes) => {
        try {
          decode(message, bytes);
        } catch (error) {
          if (!isTidemarkError(error) || error.code !== 'INVALID_REQUEST') throw error;
        }
      }),
    );
  });

  test('passes over fields that it does not know', () => {
    fc.assert(
      fc.property(valueOf(message), fc.nat(3), (value, kind) => {
        const unknown = [
          [0xc0, 0x3e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
          [0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8],
          [0xc2, 0x3e, 2, 0xff, 0xff],
          [0xc5, 0x3e, 1, 2, 3, 4],
        ][kind] as number[];
        const bytes = encode(message, value as ValueOf<Message>);
        expect(decode(message, Buffer.concat([Buffer.from(unknown), bytes]))).toEqual(value);
      }),
      { numRuns: 20 },
    );
  });
});

describe('what no message can hold', () => {
  const { request } = METHODS.GetCacheStats;
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (isTidemarkError(error)) return error.code;
    }
    return 'nothing';
  };

  test('is refused when it is written: half a surrogate pair, a number that is none', () => {
    const given = { branch: '', scope: '', sample: 0 };
    expect(code(() => encode(request, { ...given, branch: '\ud800' }))).toBe('INVALID_REQUEST');
    for (const sample of [-1, 1.5, NaN, 2 ** 53])
      expect(code(() => encode(request, { ...given, sample }))).toBe('INVALID_REQUEST');
  });

  test('is refused when it is read: a length beyond the end, groups, endless and too great numbers, no UTF-8', () => {
    const hostile = [
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x61],
      [0x0b, 0x0c],
      [0x0e],
      [0x20, ...new Array<number>(12).fill(0xff)],
      [0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      [0x0a, 0x02, 0xc3, 0x28],
      [0xc0, 0x3e, ...new Array<number>(11).fill(0x80)],
    ];
    for (const bytes of hostile) expect(code(() => decode(request, Uint8Array.from(bytes)))).toBe('INVALID_REQUEST');
  });
});
