import fc from 'fast-check';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { METHODS, METHOD_NAMES } from '../../../src/hosts/grpc/messages.js';
import { encode } from '../../../src/hosts/grpc/wire.js';
import { isTidemarkError } from '../../../src/errors.js';
import type { RulesEngine } from '../../../src/hosts/grpc/index.js';
import { hostileContext, hostileRule } from '../../rules/hostile-rules.js';
import { rawClient } from './raw.js';
import { clientOf, world } from './world.js';

const question = (ruleJson: string, contextJson = ''): Buffer =>
  encode(METHODS.EvaluateCondition.request, {
    ...{ branch: '', after: '', includeTrace: false },
    condition: { key: '', field: undefined, expression: { ruleJson, contextJson } },
  });

describe('a server is not upset by', () => {
  test('messages of garbage: each is answered with a status, and the next question as ever', async () => {
    const { server, remote } = await world();
    const raw = rawClient(server.port);
    const statuses = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...METHOD_NAMES), fc.uint8Array({ maxLength: 200 }), async (name, bytes) => {
        const { status, code } = await raw.ask(name, bytes);
        statuses.add(status);
        if (status !== 'OK') expect([status, code]).toEqual(['INVALID_ARGUMENT', expect.any(String)]);
      }),
      { numRuns: 200 },
    );
    expect([...statuses].sort()).toEqual(['INVALID_ARGUMENT', 'OK']);
    expect(await remote.evaluateCondition({ expression: { '+': [1, 1] } })).toMatchObject({ value: 2 });
    for (const path of ['Check', 'Watch'])
      expect(await raw.askAt(`/grpc.health.v1.Health/${path}`, Uint8Array.of(0x0a, 0x05))).toMatchObject({
        status: 'INVALID_ARGUMENT',
      });
  });

  test('bytes that are no HTTP/2 at all', async () => {
    const { server, remote } = await world();
    for (const bytes of [
      'GET / HTTP/1.1\r\n\r\n',
      '\0'.repeat(1000),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff',
    ]) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(Buffer.from(bytes, 'latin1'));
      await once(socket.resume(), 'close');
    }
    expect(await remote.evaluateCondition({ expression: true })).toMatchObject({ value: true });
  });

  test('methods and services that it does not have', async () => {
    const { server } = await world();
    const raw = rawClient(server.port);
    expect(await raw.ask('DropEverything')).toMatchObject({ status: 'UNIMPLEMENTED' });
    expect(await raw.askAt('/rulesengine.RulesEngine/EvaluateCondition', question('1'))).toMatchObject({
      status: 'UNIMPLEMENTED',
    });
  });

  test('questions above the limit, nor by answers: both are refused', async () => {
    const { server, remote } = await world({ maxMessageBytes: 10_000 });
    const raw = rawClient(server.port);
    expect(await raw.ask('EvaluateCondition', question(JSON.stringify('x'.repeat(11_000))))).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
    });
    const doubled = { cat: [{ var: '' }, { var: '' }] };
    await expect(remote.evaluateCondition({ expression: doubled, context: 'x'.repeat(6000) })).rejects.toMatchObject({
      code: 'RULES_REFUSED',
    });
    const small = clientOf([server.port], { maxMessageBytes: 1000 });
    await expect(small.evaluateCondition({ expression: 'x'.repeat(2000) })).rejects.toMatchObject({
      code: 'RULES_REFUSED',
    });
    expect(await remote.evaluateCondition({ expression: true })).toMatchObject({ value: true });
  });

  test('more conditions than it takes', async () => {
    const { remote } = await world({ maxConditions: 3 });
    const conditions = Array.from({ length: 4 }, () => ({ expression: 1 }));
    await expect(remote.evaluateConditions(conditions)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect((await remote.evaluateConditions(conditions.slice(1))).results).toHaveLength(3);
  });

  const malformed: readonly (readonly [string, Buffer, string])[] = [
    ['a rule that is no JSON', question('{'), 'INVALID_REQUEST'],
    ['a context that is no JSON', question('1', 'undefined'), 'INVALID_REQUEST'],
    ['no rule', question(''), 'INVALID_REQUEST'],
    ['no condition', Buffer.alloc(0), 'INVALID_REQUEST'],
    ['a condition of both kinds', Buffer.from([0x22, 4, 0x12, 0, 0x1a, 0]), 'INVALID_REQUEST'],
    ['a rule of 200,000 lists in each other', question('['.repeat(200_000) + ']'.repeat(200_000)), 'RULE_TOO_LARGE'],
    ['an operator of half a surrogate pair', question('{"\\ud800":1}'), 'RULE_OPERATOR'],
    ['a rule that throws a long text of other than ASCII', question(`{"throw":"${'→'.repeat(20_000)}"}`), 'RULE_THREW'],
  ];
  test.each(malformed)('%s', async (_, request, code) => {
    const { server } = await world();
    const raw = rawClient(server.port);
    expect(await raw.ask('EvaluateCondition', request)).toMatchObject({ code });
    expect(await raw.ask('EvaluateCondition', question('1'))).toMatchObject({ status: 'OK' });
  });

  test('a context of 200,000 lists in each other, read whole: the answer is refused', async () => {
    const { server } = await world();
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(await rawClient(server.port).ask('EvaluateCondition', question('{"var":""}', deep))).toMatchObject({
      status: expect.not.stringMatching(/^(OK|INTERNAL)$/) as string,
    });
  });

  test.each([
    ['no list', '{}'],
    ['a list of others', '[1, null]'],
    ['no JSON', '['],
  ])('rules to validate that are %s', async (_, rulesJson) => {
    const { server } = await world();
    const request = encode(METHODS.ValidateDependencies.request, { branch: '', after: '', scope: '', rulesJson });
    expect(await rawClient(server.port).ask('ValidateDependencies', request)).toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });

  test('rules to validate that have nothing of a rule', async () => {
    const { remote } = await world();
    const rules = [{}, { id: 5, entityType: {}, field: [], expression: null }, { id: '__proto__' }] as never;
    const { valid, problems } = await remote.validateDependencies({ rules });
    expect([valid, problems.length]).toEqual([false, 3]);
  });

  test('hostile rules over hostile contexts: it answers, or refuses, as the engine in this process does', async () => {
    const { local, remote } = await world();
    const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 500 : 20_000;
    const outcomeOf = async (engine: RulesEngine, expression: unknown, context: unknown): Promise<string> => {
      try {
        return JSON.stringify(await engine.evaluateCondition({ expression, context }, { trace: true }));
      } catch (error) {
        if (!isTidemarkError(error)) throw error;
        return error.code;
      }
    };
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(hostileRule, hostileContext, async (rule, context) => {
        const outcome = await outcomeOf(remote, rule, context);
        outcomes.add(outcome.startsWith('{') ? 'a value' : outcome);
        expect(outcome).toBe(await outcomeOf(local, rule, context));
      }),
      { numRuns: RUNS },
    );
    expect([...outcomes]).toEqual(expect.arrayContaining(['a value', 'RULE_OPERATOR', 'RULE_ARGUMENTS']));
  });

  test('rules that would run for ever or fill the memory: their limits hold', async () => {
    const { remote } = await world();
    const hundred = Array.from({ length: 100 }, (_, i) => i);
    const double = { merge: [{ var: 'accumulator' }, { var: 'accumulator' }] };
    const nest = (levels: number): unknown => (levels === 0 ? 1 : { map: [{ preserve: hundred }, nest(levels - 1)] });
    const runaways = [
      { reduce: [{ var: '' }, double, [1]] },
      nest(5),
      { reduce: [{ var: '' }, { cat: [{ var: 'accumulator' }, { var: 'accumulator' }] }, 'xx'] },
    ];
    for (const expression of runaways)
      await expect(remote.evaluateCondition({ expression, context: hundred })).rejects.toMatchObject({
        code: 'RULE_LIMIT',
      });
  });
});
