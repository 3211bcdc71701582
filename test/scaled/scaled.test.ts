import { type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findChromium } from '../../scripts/chromium.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { follow } from '../world/server-events.js';
import { answerOf } from '../world/server-setup.js';
import { RunningStage } from './stage.js';

// The command as people start it: Redis, three processes, a balancer; links are cut, processes killed.

const missing = process.env['REDIS_URL'] ? undefined : findRedis().missing;
if (missing !== undefined) console.warn(`NO REDIS: all tests of three replicas are skipped: ${missing}`);
const browser = findChromium();
if (browser.missing !== undefined) console.warn(`NO CHROMIUM: the page of three replicas is not tested`);

test.runIf(process.env['CI'] === 'true')('a Redis and a Chromium are there', () => {
  expect([missing, browser.missing]).toEqual([undefined, undefined]);
});

describe.skipIf(missing !== undefined)('three replicas over one Redis', () => {
  let stage: RunningStage;
  beforeAll(async () => {
    stage = await RunningStage.start('--quiet', '--world', 'demo');
  }, 120_000);
  afterAll(async () => {
    expect(await stage?.stop()).toBe(0);
  });

  const READ = '{ kingdoms { id settlements { id name version } } }';
  const read = async () => {
    const response = await fetch(`${stage.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: READ }),
    });
    const answer = await answerOf(response);
    expect(answer.errors).toEqual([]);
    return { ...answer, replica: response.headers.get('x-replica') };
  };
  /** Reads through the balancer, several at a time, until something has been done. */
  const readingDuring = async <T>(doing: Promise<T>): Promise<Set<string | null>> => {
    const replicas = new Set<string | null>();
    let over = false;
    const reader = async (): Promise<void> => {
      while (!over) replicas.add((await read()).replica);
    };
    const readers = Promise.all([reader(), reader(), reader()]);
    await Promise.all([readers, doing.finally(() => (over = true))]);
    return replicas;
  };

  test('an edit on any of them is seen on all, whoever the balancer asks', async () => {
    for (const replica of [1, 2, 3]) {
      const version = await stage.edit(replica);
      expect(version).toBe(replica + 1);
      await stage.shows(version);
    }
    const said = new Map<string | null, string>();
    while (said.size < 3) {
      const { replica, data } = await read();
      said.set(replica, JSON.stringify(data));
    }
    expect([...said.keys()].sort()).toEqual(['1', '2', '3']);
    expect(new Set(said.values()).size).toBe(1);
  });

  test('one that hears nothing any more is behind for a bounded time, and no longer once it hears again', async () => {
    await stage.act({ do: 'cut-bus', replica: 2 });
    const from = stage.samples.length;
    for (const editor of [1, 3]) await stage.shows(await stage.edit(editor));
    await stage.act({ do: 'mend-bus', replica: 2 });
    const told = await stage.until(() => stage.lines.find((line) => line.startsWith('The bus of replica 2 is mended')));
    const behind = stage.samples.slice(from).flatMap(({ answers }) => answers[1]?.staleMs ?? []);
    expect(Math.max(...behind)).toBeGreaterThan(0);
    console.log(`scaled: ${told}`);
    await stage.shows(await stage.edit(2));
  });

  test('without Redis no read fails and edits are kept; with it again, all is told', async () => {
    await readingDuring(
      (async () => {
        await stage.act({ do: 'stop-redis' });
        const before = stage.requests.length;
        const version = await stage.edit(1);
        expect(stage.lines.at(-1)).toContain('The change waits for Redis.');
        await stage.until(() => stage.state?.replicas.every(({ figures }) => (figures?.checkedAgoMs ?? 0) > 3_000));
        await stage.until(() => new Set(stage.requests.slice(before).map(({ replica }) => replica)).size === 3);
        await stage.shows(version);
      })(),
    );
    await stage.act({ do: 'start-redis' });
    console.log(`scaled: ${await stage.until(() => stage.lines.find((line) => line.startsWith('Redis is back')))}`);
    await stage.until(() =>
      stage.state?.replicas.every(({ health, figures }) => health === 'well' && figures?.queued === 0),
    );
    await stage.shows(await stage.edit(3));
  });

  test('one is killed: the others answer, a stream goes on elsewhere without a hole, and it comes back', async () => {
    const before = stage.requests.length;
    const live = await follow(stage.url);
    const { replica } = await stage.until(() => stage.requests.slice(before).find(({ what }) => what === 'GET /live'));
    const doomed = replica as number;
    const editor = (doomed % 3) + 1;
    const changed = async (events: typeof live): Promise<unknown> => {
      for (let item = await events.next(); item !== undefined; item = await events.next())
        if (item.event === 'change') return item.data['version'];
      return undefined;
    };
    const seen = await stage.edit(editor);
    expect(await changed(live)).toBe(seen);

    let missed = 0;
    const others = await readingDuring(
      (async () => {
        await stage.act({ do: 'kill', replica: doomed });
        missed = await stage.edit(editor);
      })(),
    );
    expect(others.has(null)).toBe(false);
    await expect(changed(live)).rejects.toThrow();
    const resumed = await follow(stage.url, { from: live });
    expect(await changed(resumed)).toBe(missed);

    await stage.act({ do: 'start', replica: doomed });
    await stage.shows(await stage.edit(doomed));
  });

  test.skipIf(browser.missing !== undefined)(
    'two browsers on two replicas, one of which is killed: each knows of the other, and both end with the same state',
    async () => {
      const chrome = await chromium.launch({
        executablePath: browser.path ?? '',
        args: ['--no-sandbox', '--disable-3d-apis'],
      });
      onTestFinished(() => chrome.close());
      const id = stage.state?.city.id ?? '';
      const served = (from: number) => () =>
        stage.requests.slice(from).find(({ what, status }) => what === 'GET /live' && status === 101)?.replica ??
        undefined;
      const enter = async (): Promise<{ readonly page: Page; readonly replica: number }> => {
        const before = stage.requests.length;
        const context = await chrome.newContext({ reducedMotion: 'reduce' });
        context.setDefaultTimeout(60_000);
        const page = await context.newPage();
        await page.goto(`${stage.url}/#branch=main&id=${encodeURIComponent(id)}`);
        await page.waitForSelector('body[data-ready=true][data-live=live]');
        return { page, replica: await stage.until(served(before)) };
      };
      const first = await enter();
      let second = await enter();
      while (second.replica === first.replica) {
        await second.page.context().close();
        second = await enter();
      }
      const pages = [first.page, second.page];
      for (const page of pages)
        await page.locator("[data-test='others']", { hasText: '1 other looks, 1 here' }).waitFor();

      const before = stage.requests.length;
      await stage.act({ do: 'kill', replica: first.replica });
      await first.page.waitForSelector('body:not([data-live=live])');
      for (let i = 0; i < 3; i++) await stage.edit(second.replica);
      const back = await stage.until(served(before));
      expect(back).not.toBe(first.replica);
      await first.page.locator("[data-test='caught']", { hasText: /caught up \d+ change/ }).waitFor();
      const version = await stage.edit(second.replica);
      const shown = (page: Page): Promise<string> => page.locator("[data-test='details'] h2 ~ p").first().innerText();
      for (const page of pages)
        await page.locator(`[data-test='details'][data-version='${String(version)}']`).waitFor();
      expect(await shown(first.page)).toBe(await shown(second.page));
      await stage.act({ do: 'start', replica: first.replica });
      await stage.shows(version);
    },
  );

  test.skipIf(browser.missing !== undefined)('the page shows it and does it, by mouse and by keyboard', async () => {
    const chrome = await chromium.launch({ executablePath: browser.path ?? '', args: ['--no-sandbox'] });
    onTestFinished(() => chrome.close());
    const page = await chrome.newPage({ viewport: { width: 390, height: 844 } });
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(`${stage.url}/scaled`);
    const the = (name: string, hasText?: string) =>
      page.locator(`[data-test='${name}']`, hasText === undefined ? {} : { hasText });
    await the('said-3', 'current').waitFor();
    await the('edit-1').click();
    await the('story', 'Edited on replica 1').waitFor();
    await page.keyboard.press('2');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await the('state-2', 'hears nothing').waitFor();
    await page.keyboard.press('Enter');
    await the('story', 'The bus of replica 2 is mended').waitFor();
    await the('life-3').click();
    await the('said-3', 'no answer').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await page.locator('article svg path.said').count()).toBe(3);
    expect(faults).toEqual([]);
  });
});
