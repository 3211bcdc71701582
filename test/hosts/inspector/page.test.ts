import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';
import { inspector } from '../../../src/hosts/inspector/index.js';
import { type FieldRule, createTidemark, defineModel, entity } from '../../../src/index.js';

// The page in a real browser. Whatever it says on the console, or asks of anybody else, fails the test.

const found = findChromium();
if (found.missing !== undefined) console.warn(`NO CHROMIUM: the inspector's page is not tested: ${found.missing}`);

interface City {
  readonly id: string;
  readonly realmId: string;
  readonly name: string;
  readonly version: number;
  readonly x: number;
  readonly y: number;
}
const model = defineModel({
  entities: {
    realm: entity<{ id: string }>()({}),
    city: entity<City>()({
      parents: { realm: 'realmId' },
      plural: 'cities',
      version: 'version',
      geometry: ({ x, y }) => ({ x, y }),
      computed: { isBig: 'boolean' },
    }),
  },
});
const HOSTILE = '<img src=x onerror="document.title=\'hit\'">';
const rule: FieldRule = {
  ...{ id: 'big', entityType: 'city', entityId: null, field: 'isBig', priority: 0, isActive: true },
  expression: { '>': [{ var: 'city.x' }, 5] },
};

describe.skipIf(found.missing !== undefined)("the inspector's page", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: found.path ?? '', args: ['--no-sandbox', '--disable-gpu'] });
  });
  afterAll(() => browser?.close());

  async function open(options: BrowserContextOptions = {}) {
    const ids = ['rome', 'oslo', HOSTILE];
    const rows = ids.map((id, i): City => ({ id, realmId: 'r', name: `City ${id}`, version: 1, x: 10 * i, y: 10 * i }));
    const byIds = (asked: readonly string[]) => rows.filter(({ id }) => asked.includes(id));
    const tide = createTidemark({
      model,
      rules: { source: [rule] },
      origin: {
        city: {
          byIds,
          childrenOf: { realm: () => rows },
          all: async function* () {
            yield* rows;
          },
        },
      },
    });
    const page = inspector(tide, { enabled: true, authorize: () => true });
    const server = createServer((request, response) => void page.handle(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: 'reduce',
      ...options,
    });
    context.setDefaultTimeout(60_000);
    const window = await context.newPage();
    const faults: string[] = [];
    window.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    window.on('pageerror', (error) => faults.push(error.message));
    window.on('request', (request) => {
      if (!/^data:/.test(request.url()) && !request.url().startsWith(`${url}/inspector`)) faults.push(request.url());
      if (request.method() !== 'GET') faults.push(request.method());
    });
    onTestFinished(async () => {
      await context.close();
      page.close();
      server.closeAllConnections();
      server.close();
      await tide.close();
      expect(faults).toEqual([]);
    });
    await window.goto(`${url}/inspector`);
    await window.waitForSelector('body[data-ready=true][data-live=live]');
    const edit = (id: string) => {
      const before = rows.find((row) => row.id === id) as City;
      return tide.change({ type: 'city', id, op: 'update', before, after: { ...before, version: 2, name: 'new' } });
    };
    return { tide, window, edit, url: `${url}/inspector` };
  }
  const tab = (window: Page, name: string) => window.click(`[data-tab=${name}]`);
  const text = (window: Page, selector: string) => window.locator(selector).innerText();

  test('tells the story of an entry, what killed it, and what an edit would touch', async () => {
    const { tide, window, edit } = await open();
    await tide.children('city', { realm: 'r' });
    await tide.get('city', 'rome');
    await tide.computed('city', 'rome');
    await edit('rome');
    await tide.get('city', 'rome');
    await tab(window, 'entry');
    await window.click('[data-test=reloaded] [data-key="city:rome:main"]');
    await window.locator('[data-why=changed]').waitFor();
    expect(await text(window, '[data-test=value]')).toMatch(
      /Loaded again from the origin.*because changed: city rome changed/s,
    );
    await window.click('[data-test=value] [data-change]');
    await window.locator('#cascade [data-test=stale]').waitFor();
    expect(await text(window, '#cascade')).toMatch(
      /update city rome.*loaded again record city:rome:main.*stale list cities:realm:r:main/s,
    );
    await window.goBack();
    await window.click('[data-test=touch]');
    await window.locator('[data-test=touched]').waitFor();
    expect(await text(window, '[data-test=touched]')).toMatch(
      /To update city rome.*record city:rome:main.*city\.isBig · reads city\.x/s,
    );
  });

  test('shows rules, a trace, subscriptions and places', async () => {
    const { tide, window } = await open();
    await tide.spatial.near('city', { point: { x: 0, y: 0 }, radius: 15 });
    const following = tide.subscribe({ type: 'city', id: 'rome' });
    onTestFinished(async () => void (await following.return?.()));
    await tab(window, 'rules');
    await window.locator('#panel-rules svg .node[data-is=field]').waitFor();
    await window.fill('#panel-rules input[name=id]', HOSTILE);
    await window.press('#panel-rules input[name=id]', 'Enter');
    await window.locator('[data-test=trace]').waitFor();
    expect(await text(window, '[data-test=trace]')).toMatch(/Value true by rule big.*> → true.*var → 20/s);
    await tab(window, 'live');
    await window.locator('#panel-live tbody tr').waitFor();
    expect(await text(window, '#panel-live tbody')).toMatch(/city rome changed\s+city:rome\s+1\s+none/);
    await tab(window, 'map');
    await window.locator('#panel-map circle').first().waitFor();
    expect(await window.locator('#panel-map circle').count()).toBe(3);
    expect(await window.locator('#panel-map .cell').count()).toBeGreaterThan(0);
  });

  test('an id is text, whatever it looks like', async () => {
    const { tide, window, edit } = await open();
    await tide.get('city', HOSTILE);
    await edit(HOSTILE);
    await tide.get('city', HOSTILE);
    await tide.spatial.near('city', { point: { x: 20, y: 20 }, radius: 1 });
    for (const name of ['changes', 'entry', 'touch', 'rules', 'map', 'live', 'replicas', 'tiers']) {
      await tab(window, name);
      const form = window.locator(`#panel-${name} form input[name=id]`);
      if ((await form.count()) > 0) {
        if (name !== 'rules') await window.selectOption(`#panel-${name} select[name=type]`, 'city');
        await form.fill(HOSTILE);
        await form.press('Enter');
        await window.locator(`#panel-${name} .result > *`).first().waitFor();
      }
    }
    await tab(window, 'changes');
    await window.locator('#panel-changes [data-change]').first().click();
    await window.locator('#cascade [data-test=stale]').waitFor();
    expect(await text(window, '#cascade')).toContain(HOSTILE);
    expect(await window.locator('img').count()).toBe(0);
    expect(await window.title()).not.toBe('hit');
  });

  test('works by keyboard: tabs by arrows, then into the panel', async () => {
    const { window } = await open();
    await window.focus('#tab-tiers');
    for (const name of ['changes', 'entry']) {
      await window.keyboard.press('ArrowRight');
      expect(await window.evaluate(() => document.activeElement?.id)).toBe(`tab-${name}`);
      await window.locator(`#panel-${name}`).waitFor();
    }
    expect(await window.locator('[role=tab][tabindex="0"]').count()).toBe(1);
    await window.keyboard.press('Home');
    expect(await window.evaluate(() => document.activeElement?.id)).toBe('tab-tiers');
    await window.keyboard.press('End');
    await window.locator('#panel-replicas').waitFor();
    const outline = await window.evaluate(() => getComputedStyle(document.activeElement as Element).outline);
    expect(outline).toMatch(/solid 2px/);
  });

  test('every control has a name, and every drawing says what it is', async () => {
    const { tide, window } = await open();
    await tide.spatial.near('city', { point: { x: 0, y: 0 }, radius: 15 });
    for (const name of ['tiers', 'changes', 'entry', 'touch', 'rules', 'live', 'map', 'replicas']) {
      await tab(window, name);
      const nameless = await window.evaluate(() =>
        [...document.querySelectorAll('button, input, select, svg[role=img]')]
          .filter((each) => (each as HTMLElement).offsetParent !== null || each instanceof SVGElement)
          .filter((each) => !each.getAttribute('aria-label') && !each.closest('label') && !each.textContent?.trim())
          .map((each) => each.outerHTML),
      );
      expect(nameless).toEqual([]);
    }
  });

  test.each(['light', 'dark'] as const)('is as wide as a telephone, in %s, and readable', async (colorScheme) => {
    const { tide, window, edit } = await open({ colorScheme, viewport: { width: 360, height: 700 } });
    await tide.get('city', 'rome');
    await edit('rome');
    for (const name of ['tiers', 'changes', 'entry', 'touch', 'rules', 'live', 'map', 'replicas']) {
      await tab(window, name);
      const wide = await window.evaluate(() =>
        document.documentElement.scrollWidth <= 360
          ? []
          : [...document.querySelectorAll('body *')]
              .filter((each) => each.getBoundingClientRect().right > 361 && !each.closest('#tabs'))
              .map(
                (each) =>
                  `${each.tagName} ${each.className.toString()} ${getComputedStyle(each).width} ${getComputedStyle(each).overflowX}`,
              ),
      );
      expect([name, wide]).toEqual([name, []]);
    }
    const [ink, paper] = await window.evaluate(() => {
      const { color, backgroundColor } = getComputedStyle(document.body);
      return [color, backgroundColor].map((text) =>
        (text.match(/\d+/g) ?? []).slice(0, 3).reduce((a, b) => a + Number(b), 0),
      );
    });
    expect((ink ?? 0) > (paper ?? 0)).toBe(colorScheme === 'dark');
  });
});
