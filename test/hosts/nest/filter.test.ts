import 'reflect-metadata';
import { Controller, Get, Logger, NotFoundException, Param, Query } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TidemarkFilter, TidemarkModule, TideScope } from '../../../src/hosts/nest/index.js';
import { type TidemarkErrorCode, ERROR_CODES, TidemarkError } from '../../../src/index.js';
import { decorate } from './decorated.js';
import { PLATFORMS, type Platform, type World, rows, serve } from './world.js';

class Failing {
  async one(world: World, id: string) {
    const found = await world.get('settlement', id);
    if (found === null) throw new NotFoundException();
    return found;
  }
  fail(code: TidemarkErrorCode) {
    throw new TidemarkError(code, 'the password is 1234');
  }
  /** As another copy of the library throws it. */
  foreign() {
    const error = Object.assign(new Error('id: expected a text, got none.'), { code: 'BLANK_ID' });
    throw Object.defineProperty(error, Symbol.for('tidemark.error'), { value: true });
  }
}
decorate(Failing, [Controller()], {
  one: { on: [Get('settlements/:id')], parameters: [TideScope(), Param('id')] },
  fail: { on: [Get('fail')], parameters: [Query('code')] },
  foreign: { on: [Get('foreign')] },
});

afterEach(() => {
  vi.restoreAllMocks();
});

async function world(platform: Platform) {
  const { options: tide, ...given } = rows();
  const { url } = await serve(platform, {
    imports: [TidemarkModule.forRoot({ tide })],
    controllers: [Failing],
    providers: [{ provide: APP_FILTER, useClass: TidemarkFilter }],
  });
  const ask = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { ...given, ask };
}

describe.each(PLATFORMS)('TidemarkFilter on %s', (platform) => {
  test('answers what a client asked wrongly with why', async () => {
    const { ask } = await world(platform);
    const blank = { statusCode: 400, code: 'BLANK_ID', message: expect.stringContaining('id') as string };
    expect(await ask('/settlements/%20')).toEqual({ status: 400, body: blank });
    expect(await ask('/foreign')).toMatchObject({ status: 400, body: { code: 'BLANK_ID' } });
  });

  test('leaves other errors to Nest', async () => {
    const { ask } = await world(platform);
    expect(await ask('/settlements/s9')).toEqual({ status: 404, body: { message: 'Not Found', statusCode: 404 } });
  });

  test('tells of its own faults no more than their code, and logs them', async () => {
    const { ask, gate } = await world(platform);
    const logged = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
    gate.wait = () => Promise.reject(new Error('the password is 1234'));
    const { status, body } = await ask('/settlements/s1');
    expect({ status, body }).toEqual({
      ...{ status: 500, body: { statusCode: 500, code: 'ORIGIN_FAILED', message: 'Internal server error' } },
    });
    expect(logged).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'ORIGIN_FAILED' }));
  });

  test('has a status for every error, and says nothing of what is no fault of the client', async () => {
    const { ask } = await world(platform);
    vi.spyOn(Logger.prototype, 'error').mockReturnValue();
    for (const code of Object.keys(ERROR_CODES)) {
      const { status, body } = await ask(`/fail?code=${code}`);
      expect(body).toMatchObject({ statusCode: status, code });
      expect(status < 500 === (body['message'] === 'the password is 1234')).toBe(true);
    }
  });
});
