import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFlags } from '../../examples/world/server/flags.js';
import { barOn, progressOn } from '../../examples/world/server/progress.js';
import { type Serving, serve } from '../../examples/world/server/serve.js';
import { follow } from './server-events.js';
import { smallWorld } from './server-setup.js';

describe('the flags', () => {
  test('have defaults', () => {
    expect(parseFlags([])).toEqual({ port: 4000, world: 'earth', seed: 1 });
    expect(parseFlags(['--replace'])).toEqual({ port: 4000, world: 'earth', seed: 1, replace: true });
    expect(parseFlags(['--port', '0', '--world=stress', '--seed', '7'])).toEqual({ port: 0, world: 'stress', seed: 7 });
  });

  test.each([
    [['--world', 'mars'], "--world: expected earth, demo, guide, stress, got 'mars'."],
    [['--port', 'http'], "--port: expected a whole number from 0 to 65535, got 'http'."],
    [['--port', '65536'], "--port: expected a whole number from 0 to 65535, got '65536'."],
    [['--port', ''], "--port: expected a whole number from 0 to 65535, got ''."],
    [['--seed=-1'], "--seed: expected a whole number from 0 to 2147483648, got '-1'."],
    [['--verbose'], "Unknown option '--verbose'"],
    [['earth'], "Unexpected argument 'earth'"],
  ])('%j is refused in words', (args, message) => {
    expect(() => parseFlags(args)).toThrow(message);
  });
});

describe('progress', () => {
  const shown = (isTTY: boolean): string => {
    let text = '';
    const progress = progressOn({ isTTY, write: (more) => (text += more) });
    progress('Reading', 0);
    progress('Indexing', 0.555);
    progress('Ready', 1);
    return text;
  };
  test('is one line that is rewritten on a terminal', () => {
    const line = '\r\u001b[2K';
    expect(shown(true)).toBe(`${line}Reading (0 %)${line}Indexing (56 %)${line}Ready (100 %)\n`);
  });
  test('is a line for each step elsewhere', () => {
    expect(shown(false)).toBe('Reading (0 %)\nIndexing (56 %)\nReady (100 %)\n');
  });
});

describe('a bar', () => {
  const shown = (isTTY: boolean): string => {
    let text = '';
    const bar = barOn({ isTTY, write: (more) => (text += more) });
    for (let at = 0; at <= 1_000; at++) bar('Copying', at / 1_000);
    return text;
  };
  test('fills on one line of a terminal, which is written as often as it has cells', () => {
    const lines = shown(true).split('\r\u001b[2K').slice(1);
    expect(lines).toHaveLength(31);
    expect([lines[0], lines[15], lines[30]]).toEqual([
      `Copying ${'░'.repeat(30)} (0 %)`,
      `Copying ${'█'.repeat(15)}${'░'.repeat(15)} (50 %)`,
      `Copying ${'█'.repeat(30)} (100 %)\n`,
    ]);
  });
  test('is a line for each quarter elsewhere', () => {
    expect(shown(false)).toBe([0, 25, 50, 75, 100].map((share) => `Copying (${String(share)} %)\n`).join(''));
  });
});

describe('the server', () => {
  const begin = async (port: number): Promise<Serving> => {
    const serving = await serve(smallWorld(), { port, outlines: () => ({}), credits: [], report: () => undefined });
    onTestFinished(() => serving.close());
    return serving;
  };

  test('takes the next port if its own is taken', async () => {
    const other = createServer().listen(0);
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { url } = await begin(port);
    const got = Number(new URL(url).port);
    expect(got).toBeGreaterThan(port);
    expect(got).toBeLessThanOrEqual(port + 20);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test('closes: streams end, requests are refused, and it may be closed while clients are idle', async () => {
    const { url, close } = await begin(0);
    const live = await follow(url);
    const closed = close();
    expect(await live.next()).toMatchObject({ event: 'close', data: { code: 1001 } });
    expect(await live.next()).toBeUndefined();
    await closed;
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });
});
