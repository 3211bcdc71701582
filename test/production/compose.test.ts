import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { configFromEnv } from '../../src/index.js';
import { bytesOf } from '../../src/cli/doctor/figures.js';
import { EXAMPLE, ROOT } from './replicas.js';

// There is no Docker where the tests run: what can be known of the files without one is looked at here.

interface Limits {
  readonly cpus: string;
  readonly memory: string;
}
interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly deploy?: {
    readonly replicas?: number;
    readonly resources: { readonly limits: Limits; readonly reservations?: Limits };
  };
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

const read = (file: string): string => readFileSync(join(EXAMPLE, file), 'utf8');
const text = read('compose.yaml');
const compose = load(text) as Compose;
const { services } = compose;
const entries = Object.entries(services);

/** Of the Compose Specification, what a service may have; those that are used here. */
const KEYS = [
  ...['build', 'command', 'deploy', 'depends_on', 'environment', 'healthcheck', 'image', 'ports', 'shm_size'],
  ...['stop_grace_period', 'volumes'],
];

describe('the compose file', () => {
  test.each(entries)('%s has what a service may have, and an image or a Dockerfile that is there', (_, service) => {
    expect(Object.keys(service).filter((key) => !KEYS.includes(key))).toEqual([]);
    expect([service.image, service.build].filter((one) => one !== undefined)).toHaveLength(1);
    if (service.image !== undefined) expect(service.image).toMatch(/^[a-z/]+:\d[\w.-]*$/);
    if (service.build !== undefined) {
      expect(join(EXAMPLE, service.build.context)).toBe(ROOT.replace(/\/$/, ''));
      expect(existsSync(join(ROOT, service.build.dockerfile)), service.build.dockerfile).toBe(true);
    }
  });

  test.each(entries)(
    '%s depends on services that are there, and that say what is waited for',
    (_, { depends_on = {} }) => {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        expect(Object.keys(services)).toContain(name);
        if (condition === 'service_healthy') expect(services[name]?.healthcheck).toBeDefined();
      }
    },
  );

  test.each(entries)('%s mounts files that are there, or volumes that are declared', (_, { volumes = [] }) => {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) expect(existsSync(join(EXAMPLE, source)), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  test('has as many replicas, processors and memory as the design says', () => {
    const sizes = (name: string): unknown[] => {
      const { replicas, resources } = services[name]?.deploy ?? {};
      return [replicas, resources?.limits, resources?.reservations];
    };
    expect(sizes('api')).toEqual([2, { cpus: '1.0', memory: '1024M' }, { cpus: '0.5', memory: '512M' }]);
    expect(sizes('rules')[0]).toBe(1);
    expect(sizes('frontend')[0]).toBe(2);
    expect(sizes('postgres')[1]).toEqual({ cpus: '2.0', memory: '2048M' });
  });

  test('gives Redis twice the memory that it may fill', () => {
    const [, most = ''] = /^maxmemory (\S+)$/m.exec(read('redis.conf')) ?? [];
    expect(bytesOf(services['redis']?.deploy?.resources.limits.memory ?? '')).toBe(2 * (bytesOf(most) ?? 0));
  });

  test('asks for the variables of the environment file, each, and no other', () => {
    const asked = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    const given = [...read('production.env').matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    expect([...asked].sort()).toEqual(given.sort());
  });

  test('has no secret in it, and goes without none', () => {
    const secrets = [...read('production.env').matchAll(/^(\w+(?:PASSWORD|SECRET))=(.*)$/gm)];
    expect(secrets.map(([, name, value]) => [name, value])).toEqual([
      ['POSTGRES_PASSWORD', ''],
      ['REDIS_PASSWORD', ''],
      ['JWT_SECRET', ''],
    ]);
    for (const [, name] of secrets) expect(text).toContain(`\${${name ?? ''}:?}`);
  });

  test('gives the API an environment that can be read', () => {
    const { environment = {} } = services['api'] ?? {};
    const filled = Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replace(/\$\{\w+:\?\}/g, 'secret'),
    ]);
    const config = configFromEnv(Object.fromEntries(filled) as Record<string, string>);
    expect([config.clamped, config.redis?.url, config.rules.host]).toEqual([[], 'redis://:secret@redis:6379', 'rules']);
  });
});

test.each(['Dockerfile', 'frontend/Dockerfile'])('%s copies files that are there, and runs as what it is', (file) => {
  const lines = read(file).split('\n');
  const copied = lines.filter((line) => line.startsWith('COPY ') && !line.includes('--from='));
  expect(copied.length).toBeGreaterThan(0);
  for (const line of copied) {
    for (const source of line.split(' ').slice(1, -1)) expect(existsSync(join(ROOT, source)), source).toBe(true);
  }
  expect(read(`${file}.dockerignore`)).toContain('**/node_modules');
});

test('what the image installs is what is tested here, and all that the app imports', () => {
  const image = JSON.parse(read('package.docker.json')) as { dependencies: Record<string, string> };
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const major = (range: string): string => /\d+/.exec(range)?.[0] ?? '';
  for (const [name, range] of Object.entries(image.dependencies)) {
    expect([name, major(range)]).toEqual([name, major(own.devDependencies[name] ?? '')]);
  }
  const imported = ['api.ts', 'rules.ts', 'migrate.ts', 'parts.ts', 'model.ts'].flatMap((file) =>
    [...read(`app/${file}`).matchAll(/from '([^.'][^']*)'/g)].map(([, name]) => name ?? ''),
  );
  const packages = imported.filter((name) => !name.startsWith('node:') && name.split('/')[0] !== 'tidemark');
  // Loaded by tidemark/grpc.
  expect([...new Set(packages), '@grpc/grpc-js'].sort()).toEqual(Object.keys(image.dependencies).sort());
});
