import 'reflect-metadata';
import { get } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Param,
  Scope as Lifetime,
  Sse,
  UseGuards,
} from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core/helpers/external-context-creator.js';
import { from, map } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { InjectTideScope, TideScope, TidemarkModule, tideToken } from '../../../src/hosts/nest/index.js';
import { listen } from '../../world/server-events.js';
import { decorate } from './decorated.js';
import {
  type Asked,
  PATIENT,
  PLATFORMS,
  type Platform,
  type Tide,
  type User,
  type World,
  rows,
  serve,
} from './world.js';

/** Knows who asks: after the providers of the request were made. */
class Guard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const asked = context.switchToHttp().getRequest<{ user?: User; headers: Asked['headers'] }>();
    asked.user = { name: asked.headers['x-user'] ?? 'Ann' };
    return true;
  }
}
decorate(Guard, [Injectable()]);

/** A service of the request. */
class Found {
  readonly world: World;
  constructor(world: World) {
    this.world = world;
  }
}
decorate(Found, [Injectable({ scope: Lifetime.REQUEST })], {
  constructor: { on: [], parameters: [InjectTideScope()] },
});

const made = { injected: 0, parameters: 0 };

class Injected {
  readonly #found: Found;
  readonly #world: World;
  constructor(found: Found, world: World) {
    this.#found = found;
    this.#world = world;
    made.injected++;
  }
  async one(id: string, world: World) {
    const [one, again, other] = await Promise.all([
      this.#world.get('settlement', id),
      this.#found.world.get('settlement', id),
      world.get('settlement', 's2'),
    ]);
    return { one, again: again?.id, other: other?.id, by: this.#world.principal?.name };
  }
}
decorate(Injected, [Controller('injected'), UseGuards(Guard)], {
  constructor: { on: [], parameters: [Inject(Found), InjectTideScope()] },
  one: { on: [Get(':id')], parameters: [Param('id'), TideScope()] },
});

class Parameters {
  constructor() {
    made.parameters++;
  }
  /** What became of its reads. */
  readonly ended: string[] = [];
  async slow(world: World, id: string) {
    const failed = (error: { code?: string }) => error.code ?? 'an error';
    this.ended.push(await world.get('settlement', id).then(() => 'read', failed));
  }
  async one(world: World, id: string, same: World) {
    const [one, of] = await Promise.all([world.get('settlement', id), world.loaders.structure.of({ settlement: id })]);
    return { one, of: of.length, same: same === world, by: world.principal?.name, gone: world.signal?.aborted };
  }
  live(world: World, id: string) {
    return from(world.subscribe({ type: 'settlement', id })).pipe(map((item) => ({ type: item.kind, data: item })));
  }
}
decorate(Parameters, [Controller('parameters'), UseGuards(Guard)], {
  constructor: { on: [] },
  one: { on: [Get(':id')], parameters: [TideScope(), Param('id'), TideScope()] },
  slow: { on: [Get('slow/:id')], parameters: [TideScope(), Param('id')] },
  live: { on: [Sse('live/:id')], parameters: [TideScope(), Param('id')] },
});

async function world(platform: Platform) {
  const given = rows();
  const scope = ({ user, headers }: Asked) => ({ principal: user, after: headers['x-after'] });
  const { app, ...more } = await serve(platform, {
    imports: [TidemarkModule.forRoot({ tide: given.options, scope })],
    controllers: [Injected, Parameters],
    providers: [Found],
  });
  return { ...given, ...more, app, tide: app.get<Tide>(tideToken()) };
}

describe.each(PLATFORMS)('the scope of a request on %s', (platform) => {
  test('is one for all that inject it, reads in batches, and knows whom a guard let in', async () => {
    const { json, asked } = await world(platform);
    const found = await json('/injected/s1', { 'x-user': 'Bea' });
    expect(found).toEqual({ one: { id: 's1', name: 'Harrow' }, again: 's1', other: 's2', by: 'Bea' });
    expect(asked).toEqual(['s1,s2']);
  });

  test('is a parameter, and then nothing is made for each request', async () => {
    const { json } = await world(platform);
    const before = { ...made };
    const answer = { one: { id: 's1' }, of: 2, same: true, by: 'Ann', gone: false };
    expect(await json('/parameters/s1')).toMatchObject(answer);
    expect(await json('/parameters/s1')).toMatchObject(answer);
    await json('/injected/s1');
    await json('/injected/s1');
    expect([made.parameters - before.parameters, made.injected - before.injected]).toEqual([0, 2]);
  });

  test('is not that of another request', async () => {
    const { json } = await world(platform);
    const users = ['Ann', 'Bea', 'Cy', 'Dan'];
    const answers = await Promise.all(users.map((user) => json('/parameters/s1', { 'x-user': user })));
    expect(answers).toMatchObject(users.map((by) => ({ by })));
  });

  test('reads nothing older than the receipt that the client brings', async () => {
    const { json, tide, rename } = await world(platform);
    await json('/parameters/s1');
    const receipt = await rename(tide, 's1', 'New Harrow');
    const found = await json('/parameters/s1', { 'x-after': receipt.toString() });
    expect(found).toMatchObject({ one: { name: 'New Harrow' } });
  });

  test('stops waiting once the client has gone', async () => {
    const { app, url, asked, gate } = await world(platform);
    gate.wait = () => new Promise(() => undefined);
    const leaving = get(`${url}/parameters/slow/s1`);
    leaving.on('error', () => undefined);
    await expect.poll(() => asked, PATIENT).toEqual(['s1']);
    const { ended } = app.get(Parameters);
    expect(ended).toEqual([]);
    leaving.destroy();
    await expect.poll(() => ended, PATIENT).toEqual(['ABORTED']);
  });

  test('ends what was followed once the client has gone', async () => {
    const { url, tide } = await world(platform);
    const change = { type: 'settlement', id: 's1', op: 'update' } as const;
    const followers = () => tide.explain(change).subscribers.reduce((sum, { count }) => sum + count, 0);
    const live = await listen(url, '/parameters/live/s1');
    await expect.poll(followers, PATIENT).toBe(1);
    live.leave();
    await expect.poll(followers, PATIENT).toBe(0);
  });

  test('shows a stranger nothing', async () => {
    const { url } = await world(platform);
    const refused = await fetch(`${url}/parameters/live/s1`, { headers: { 'x-user': 'Mallory' } });
    expect(await refused.text()).not.toContain('Harrow');
    expect(refused.ok).toBe(false);
  });
});

describe('the scope of a resolver', () => {
  /** A resolver of its module, called as the drivers of Nest's GraphQL call one. */
  async function resolver(type: string) {
    class Resolver {
      async one(world: World, same: World) {
        return { one: await world.get('settlement', 's1'), same: world === same, by: world.principal?.name };
      }
    }
    decorate(Resolver, [Injectable()], { one: { on: [], parameters: [TideScope(), TideScope()] } });
    const { options: tide } = rows();
    const scope = ({ user }: Asked) => ({ principal: user });
    const { app } = await serve('express', {
      imports: [TidemarkModule.forRoot({ tide, scope })],
      providers: [Resolver],
    });
    const instance = app.get(Resolver);
    const call = instance.one as (...given: unknown[]) => unknown;
    const others = { exchangeKeyForValue: () => null };
    const after = [undefined, undefined, undefined, type] as const;
    return app.get(ExternalContextCreator).create(instance, call, 'one', '__routeArguments__', others, ...after);
  }

  test('is that of the request in its context', async () => {
    const call = await resolver('graphql');
    const [one, other] = [{ req: { user: { name: 'Ann' } } }, { req: { user: { name: 'Bea' } } }];
    const answers = await Promise.all([one, other].map((context) => call({}, {}, context, {})));
    expect(answers).toEqual(['Ann', 'Bea'].map((by) => ({ one: { id: 's1', name: 'Harrow' }, same: true, by })));
  });

  test('is not to be had where there is no request', async () => {
    const call = await resolver('ws');
    await expect(call({}, {})).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
