import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  InjectTideHealth,
  InjectTidemark,
  TidemarkHealth,
  TidemarkModule,
  type TidemarkModuleOptions,
  type TidemarkOptionsFactory,
  tideHealthToken,
  tideToken,
} from '../../../src/hosts/nest/index.js';
import { decorate } from './decorated.js';
import { type Tide, type User, model, rows } from './world.js';

type Options = TidemarkModuleOptions<typeof model, User, unknown>;

async function context(imports: NonNullable<Parameters<typeof Module>[0]['imports']>, providers: unknown[] = []) {
  const Root = decorate(class Root {}, [Module({ imports, providers: providers as [] })]);
  const app = await NestFactory.createApplicationContext(Root, { logger: false, abortOnError: false });
  onTestFinished(() => app.close());
  return app;
}

class Reader {
  readonly tide: Tide;
  constructor(tide: Tide) {
    this.tide = tide;
  }
}
const readerOf = (name?: string) =>
  decorate(class extends Reader {}, [Injectable()], { constructor: { on: [], parameters: [InjectTidemark(name)] } });

/** A module that exports the origin of a tide. */
class Database {
  readonly rows = rows();
}
const DatabaseModule = decorate(class DatabaseModule {}, [Module({ providers: [Database], exports: [Database] })]);
class OptionsOfDatabase implements TidemarkOptionsFactory<typeof model, User, unknown> {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }
  createTidemarkOptions(): Options {
    return { tide: this.#database.rows.options };
  }
}
decorate(OptionsOfDatabase, [Injectable()], { constructor: { on: [], parameters: [Inject(Database)] } });

describe('TidemarkModule', () => {
  test('makes a tide that is injected, and closes it with the app', async () => {
    const Services = readerOf();
    const app = await context([TidemarkModule.forRoot({ tide: rows().options })], [Services]);
    const { tide } = app.get(Services);
    expect(await tide.get('settlement', 's1')).toEqual({ id: 's1', name: 'Harrow' });
    expect(app.get(tideToken())).toBe(tide);
    await app.close();
    await expect(tide.get('settlement', 's1')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('makes another tide for an app that starts again', async () => {
    const declared = TidemarkModule.forRoot({ tide: rows().options });
    const first = await context([declared]);
    await first.close();
    const second = await context([declared]);
    expect(await second.get<Tide>(tideToken()).get('settlement', 's2')).toMatchObject({ name: 'Mora' });
  });

  test('is seen by modules that import it, and by all if it is global', async () => {
    const Services = readerOf();
    const Feature = decorate(class Feature {}, [Module({ providers: [Services] })]);
    const { options: tide } = rows();
    await expect(context([TidemarkModule.forRoot({ tide }), Feature])).rejects.toThrow(/tidemark\.tide:default/);
    const app = await context([TidemarkModule.forRoot({ tide, isGlobal: true }), Feature]);
    expect(app.select(Feature).get(Services).tide).toBe(app.get(tideToken()));
  });

  test('makes several tides, told apart by their names', async () => {
    const [One, Other] = [readerOf(), readerOf('other')];
    const [one, other] = [rows(), rows()];
    const modules = [
      TidemarkModule.forRoot({ tide: one.options }),
      TidemarkModule.forRoot({ tide: other.options, name: 'other' }),
    ];
    const Probe = decorate(
      class Probe {
        readonly health: TidemarkHealth;
        constructor(health: TidemarkHealth) {
          this.health = health;
        }
      },
      [Injectable()],
      { constructor: { on: [], parameters: [InjectTideHealth('other')] } },
    );
    const app = await context(modules, [One, Other, Probe]);
    await app.get(Other).tide.get('settlement', 's1');
    expect([one.asked, other.asked]).toEqual([[], ['s1']]);
    expect(app.get(Probe).health).toBe(app.get(tideHealthToken('other')));
    expect(app.get(Probe).health).not.toBe(app.get(TidemarkHealth));
  });

  test.each([
    [
      'a factory, with what it injects',
      { inject: [Database], useFactory: ({ rows: { options: tide } }: Database) => ({ tide }) },
    ],
    [
      'a factory that waits',
      { inject: [Database], useFactory: ({ rows: { options: tide } }: Database) => Promise.resolve({ tide }) },
    ],
    ['a class that it makes', { useClass: OptionsOfDatabase }],
  ] as const)('takes its options from %s', async (_, source) => {
    const app = await context([
      DatabaseModule,
      TidemarkModule.forRootAsync({ imports: [DatabaseModule], ...source } as never),
    ]);
    const database = app.get(Database, { strict: false });
    await app.get<Tide>(tideToken()).get('settlement', 's2');
    expect(database.rows.asked).toEqual(['s2']);
  });

  test('takes its options from a provider that is there', async () => {
    const Factories = decorate(class Factories {}, [
      Module({ imports: [DatabaseModule], providers: [OptionsOfDatabase], exports: [OptionsOfDatabase] }),
    ]);
    const app = await context([
      TidemarkModule.forRootAsync({ imports: [Factories], useExisting: OptionsOfDatabase, isGlobal: true }),
    ]);
    expect(await app.get<Tide>(tideToken()).get('settlement', 's1')).toMatchObject({ name: 'Harrow' });
  });

  test('refuses what it does not know, or cannot use', async () => {
    const { options: tide } = rows();
    const refused = (options: object) => () => TidemarkModule.forRoot(options as { tide: typeof tide });
    expect(refused({ tide, global: true })).toThrow(/expected name, isGlobal, tide, scope, drainMs, got 'global'/);
    expect(refused({ model, origin: {} })).toThrow("got 'model'");
    expect(refused({})).toThrow(/tide: expected what createTidemark\(\) takes, got undefined/);
    expect(refused({ tide, drainMs: -1 })).toThrow('drainMs: expected milliseconds, got -1');
    const asyncly = (options: object) => () => TidemarkModule.forRootAsync(options);
    expect(asyncly({})).toThrow('expected one of useFactory, useClass, useExisting, got none');
    expect(asyncly({ useFactory: () => ({ tide }), useClass: OptionsOfDatabase })).toThrow(
      'got useFactory and useClass',
    );
    expect(asyncly({ useFactory: () => ({ tide }), provide: 1 })).toThrow("got 'provide'");
    const late = TidemarkModule.forRootAsync({ useFactory: () => ({ tide, drain: 1 }) });
    await expect(context([late])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

test('tokens are the same wherever they come from', () => {
  expect(tideToken()).toBe(Symbol.for('tidemark.tide:default'));
  expect(tideToken('other')).not.toBe(tideToken());
});
