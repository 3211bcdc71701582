import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { countriesGeoJson } from '../../examples/world/data/countries.js';
import { ATTRIBUTIONS, earth } from '../../examples/world/data/earth.js';
import type { Tables } from '../../examples/world/data/tables.js';
import { type Serving, serve } from '../../examples/world/server/serve.js';
import { findChromium } from '../../scripts/chromium.mjs';

// The page as people use it: in a real browser, with the real world behind it, a fresh server for each test.

const found = findChromium();
if (found.missing !== undefined) console.warn(`NO CHROMIUM: all tests of the page are skipped: ${found.missing}`);

test.runIf(process.env['CI'] === 'true')('a Chromium is there', () => {
  expect(found).toEqual({ path: found.path });
});

/** Other tests may keep the processor busy, which is also what draws. */
const PATIENCE_MS = 90_000;

describe.skipIf(found.missing !== undefined)('the page', () => {
  /** Without WebGL there is no map, and everything else has to work: quick where the processor would draw. */
  let plain: Browser;
  let drawing: Browser;
  let tables: Tables;
  beforeAll(async () => {
    tables = await earth.load(() => {});
    const launch = (...args: string[]): Promise<Browser> =>
      chromium.launch({ executablePath: found.path ?? '', args: ['--no-sandbox', ...args] });
    plain = await launch('--disable-gpu', '--disable-3d-apis');
    drawing = await launch('--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist');
  });
  afterAll(() => Promise.all([plain?.close(), drawing?.close()]));

  async function start(): Promise<Serving> {
    const serving = await serve(tables, { port: 0, outlines: countriesGeoJson, credits: ATTRIBUTIONS });
    onTestFinished(() => serving.close());
    return serving;
  }

  /** A window with the world drawn and its stream of changes open. Whatever goes wrong in it fails the test. */
  async function openWindow(
    { url }: Serving,
    { browser = plain, ...options }: BrowserContextOptions & { readonly browser?: Browser } = {},
  ): Promise<Page> {
    const size = { width: 1280, height: 800 };
    const context = await browser.newContext({ viewport: size, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) faults.push(`asked ${request.url()}`);
    });
    onTestFinished(async () => {
      await context.close();
      expect(faults).toEqual([]);
    });
    await page.goto(url);
    await page.waitForSelector('body[data-ready=true][data-live=live]', { timeout: PATIENCE_MS });
    return page;
  }

  const the = (name: string): string => `[data-test='${name}']`;
  const textsOf = async (page: Page, name: string): Promise<string[]> =>
    (await page.locator(`${the(name)} > :first-child`).allTextContents()).sort();

  async function search(page: Page, name: string): Promise<void> {
    await page.fill(the('search'), name);
    await page.locator(the('hit')).filter({ hasText: name }).first().waitFor();
    await page.press(the('search'), 'Enter');
    await page.locator(`${the('details')} h2`, { hasText: name }).waitFor();
  }

  async function edit(page: Page, population: number): Promise<void> {
    await page.fill(the('edit-population'), String(population));
    await page.click(the('save'));
    await shows(page, population);
    await page.locator(the('stale-item')).first().waitFor();
  }

  const shows = (page: Page, population: number): Promise<void> =>
    page.locator(the('details'), { hasText: `${population.toLocaleString('en')} people` }).waitFor();

  test('finds a city and shows its record, its parents, its airports and what is held of it', async () => {
    const page = await openWindow(await start());
    await search(page, 'Reykjavík');
    const text = await page.locator(the('details')).innerText();
    for (const part of ['Earth › Iceland', 'Keflavik International Airport', 'Kópavogur']) expect(text).toContain(part);
    expect(await textsOf(page, 'cached-item')).toEqual(
      expect.arrayContaining(['Record of Reykjavík', 'Settlements of Iceland', 'Summary of Iceland']),
    );
    await page.click(`${the('details')} [aria-label=Close]`);
    await search(page, 'Reykjavík');
    expect(await page.locator(the('cached-item'), { hasText: 'Record of Reykjavík' }).innerText()).toContain('hit');
  });

  test('an edit: only what depends on it goes stale, and the other window follows', async () => {
    const serving = await start();
    const [here, there] = await Promise.all([openWindow(serving), openWindow(serving)]);
    await search(there, 'Hobart');
    await search(here, 'Akureyri');
    await search(there, 'Akureyri');
    await edit(here, 20_001);
    await there.locator(the('toast'), { hasText: 'Akureyri changed in main: population' }).waitFor();
    await shows(there, 20_001);

    expect(await textsOf(here, 'stale-item')).toEqual([
      'Fields of Akureyri',
      'Record of Akureyri',
      "Search for 'akureyri'",
      "Search for 'hobart'",
      'Settlements around 65.7° N, 18.1° W',
      'Settlements of Iceland',
      'Summary of Iceland',
    ]);
    const stayed = await textsOf(here, 'stayed-item');
    expect(stayed).toEqual(
      expect.arrayContaining([
        ...['Record of Australia', 'Record of Hobart', 'Record of Iceland', 'Settlements of Australia'],
        ...['Structures of Akureyri', 'Structures of Hobart', 'Summary of Australia'],
      ]),
    );
    await there.locator(the('toast')).first().waitFor({ state: 'detached' });
    await edit(there, 20_002);
    await shows(here, 20_002);
  });

  test('two tabs have one connection; when the one that holds it is closed, the other goes on where both stood', async () => {
    const serving = await start();
    const first = await openWindow(serving);
    const second = await first.context().newPage();
    const dialled: string[] = [];
    second.on('websocket', (socket) => dialled.push(socket.url()));
    await second.goto(serving.url);
    await second.waitForSelector('body[data-ready=true][data-live=live]', { timeout: PATIENCE_MS });
    expect(dialled).toEqual([]);
    const third = await openWindow(serving);
    await search(third, 'Akureyri');
    await search(second, 'Akureyri');
    await edit(third, 20_001);
    await shows(second, 20_001);
    const closing = first.close();
    await edit(third, 20_002);
    await edit(third, 20_003);
    await closing;
    await shows(second, 20_003);
    expect(dialled).toHaveLength(1);
    await edit(third, 20_004);
    await shows(second, 20_004);
  });

  test('the rules: a fault is marked where it is, a saved rule counts the places that it changed', async () => {
    const page = await openWindow(await start());
    await search(page, 'Reykjavík');
    await page.locator(the('fields'), { hasText: 'city · earns 131' }).waitFor();
    await page.keyboard.press('Escape');
    await search(page, 'Reykjavík');
    await page.locator(`${the('details')} h2`).press('x');
    await page.locator(the('rule-value'), { hasText: 'false' }).waitFor();
    const rule = await page.inputValue(the('rule-code'));

    await page.fill(the('rule-code'), rule.replace('"some"', '"sume"'));
    await page.locator(the('rule-problem'), { hasText: '/and/1' }).waitFor();
    expect(await page.locator(`${the('rule-marks')} mark`).textContent()).toMatch(/^\{\s*"sume"[^]*\}$/);
    expect(await page.isDisabled(the('rule-save'))).toBe(true);
    await page.fill(the('rule-code'), `${rule},`);
    await page.locator(the('rule-problem'), { hasText: 'JSON' }).waitFor();

    await page.fill(the('rule-code'), rule.replace('250000', '100000'));
    await page.locator(the('rule-node'), { hasText: 'some' }).first().waitFor();
    await page.click(the('rule-save'));
    const told = page.locator(`${the('rule-result')} b`);
    await told.waitFor();
    const [, changed] = /^([\d,]+) of [\d,]+ places$/.exec((await told.textContent()) ?? '') ?? [];
    const cities = [...tables.all('settlement', 'main')];
    const hubs = cities.filter(
      ({ id, population }) =>
        population >= 100_000 &&
        population < 250_000 &&
        tables.childrenOf('structure', 'main', [id]).some(({ kind }) => kind === 'airport'),
    );
    expect(Number(changed?.replaceAll(',', ''))).toBe(hubs.length);
    await page.locator(the('fields'), { hasText: 'city · a trade hub · earns 157' }).waitFor();
  });

  test('an edit by one button: the tree begins with what was changed, and the address leads there', async () => {
    const serving = await start();
    const [page, other] = await Promise.all([openWindow(serving), openWindow(serving)]);
    for (const { text, url } of ATTRIBUTIONS)
      expect(await page.locator(`footer a[href='${url}']`).textContent()).toBe(text);
    await search(page, 'Hobart');
    const before = Number(await page.inputValue(the('edit-population')));
    const heard = page.waitForResponse((response) => response.request().postData()?.includes('lat version') === true);
    await page.locator(the('nudge')).last().click();
    const after = Math.round(before * 1.1);
    await shows(page, after);
    const change = `Hobart · people ${before.toLocaleString('en')} → ${after.toLocaleString('en')}`;
    await page.locator(the('tree'), { hasText: change }).waitFor();
    // The event of one's own edit arrives as well, and must not take the tree away.
    await other.locator(the('toast'), { hasText: 'Hobart changed' }).waitFor();
    await heard;
    expect(await page.locator(the('tree')).innerText()).toContain(change);
    expect(await page.locator(the('toast')).count()).toBe(0);
    await page.reload();
    await page.locator(the('name'), { hasText: 'Hobart' }).waitFor();
    await shows(page, after);
  });

  test('what one types while somebody else saves is kept, and nobody is overwritten unasked', async () => {
    const serving = await start();
    const [here, there] = await Promise.all([openWindow(serving), openWindow(serving)]);
    for (const page of [here, there]) await search(page, 'Nuuk');
    await there.fill(the('edit-name'), 'Godthåb');
    await edit(here, 19_001);
    await there.locator(the('toast'), { hasText: 'Nuuk changed' }).waitFor();
    expect(await there.inputValue(the('edit-name'))).toBe('Godthåb');
    await there.click(the('save'));
    await there.locator(the('toast'), { hasText: 'quicker' }).waitFor();
    await shows(there, 19_001);
    expect(await there.inputValue(the('edit-name'))).toBe('Godthåb');
    await there.fill(the('edit-population'), '19001');
    await there.click(the('save'));
    await here.locator(`${the('details')} h2`, { hasText: 'Godthåb' }).waitFor();
  });

  test('a branch inherits until it has a row of its own', async () => {
    const page = await openWindow(await start());
    await search(page, 'Venice');
    const inMain = Number(await page.inputValue(the('edit-population')));
    await page.selectOption(the('branch'), 'rising-seas');
    await page.locator('.badge', { hasText: 'inherited' }).waitFor();
    await edit(page, 12);
    await page.locator('.badge', { hasText: 'own' }).waitFor();
    await page.locator(the('details'), { hasText: `In main: ${inMain.toLocaleString('en')} people` }).waitFor();
    await page.locator(`${the('lineage')} summary`, { hasText: '90 rows' }).click();
    const [first] = await page.locator(the('own-row')).allInnerTexts();
    expect(first).toMatch(/Venice\s+changed/);
    await page.selectOption(the('branch'), 'open-skies');
    await page.locator('.badge', { hasText: 'inherited' }).waitFor();
    await shows(page, inMain);
    await page.selectOption(the('branch'), 'main');
    await page.locator('.badge').waitFor({ state: 'detached' });
    await shows(page, inMain);
    await page.selectOption(the('branch'), 'rising-seas');
    await shows(page, 12);
  });

  test('what is drawn is a question that stays: a place that moves out of it has it worked out anew, and no other', async () => {
    const page = await openWindow(await start(), { browser: drawing });
    const circle = async (city: string, nth: number): Promise<string> => {
      await search(page, city);
      await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      await page.keyboard.press('c');
      await page.keyboard.press('Enter');
      const row = page.locator(the('drawing')).nth(nth);
      await row.locator(the('drawing-count')).waitFor();
      return row.locator(the('drawing-count')).innerText();
    };
    await circle('Hobart', 0);
    const before = await circle('Reykjavík', 1);
    expect(Number.parseInt(before)).toBeGreaterThan(5);
    const worked = (nth: number): Promise<string | null> =>
      page.locator(the('drawing')).nth(nth).getAttribute('data-worked');
    expect([await worked(0), await worked(1)]).toEqual(['1', '1']);
    // By keys alone: the ring is grabbed, pushed away and let go.
    await page.keyboard.press('g');
    for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.locator(`${the('drawing')}[data-worked='2']`).waitFor();
    await page.locator(`${the('drawing')}[data-stayed='1']`).waitFor();
    expect([await worked(0), await worked(1)]).toEqual(['1', '2']);
    const after = await page.locator(the('drawing')).nth(1).locator(the('drawing-count')).innerText();
    expect(Number.parseInt(after)).toBe(Number.parseInt(before) - 1);
    const [left, up] = [700, 200];
    await page.mouse.move(left, up);
    await page.mouse.move(left + 1, up + 1);
    await page.locator(`${the('under')}:not([hidden])`).waitFor();
  });

  test('by keyboard alone', async () => {
    const page = await openWindow(await start());
    const press = (...keys: string[]): Promise<void> =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    await press('?');
    await page.locator('dialog', { hasText: 'Keyboard' }).waitFor();
    await press('Escape', '/');
    await page.keyboard.type('qqqqqq');
    await page.locator('#hits', { hasText: 'No place is called' }).waitFor();
    await press('Escape');
    await page.keyboard.type('tromsø');
    await page.locator(the('hit'), { hasText: 'Tromsø' }).first().waitFor();
    await press('ArrowDown', 'ArrowUp', 'Enter');
    await page.locator(`${the('details')} h2`, { hasText: 'Tromsø' }).waitFor();
    await press('e');
    expect(await page.locator(':focus').getAttribute('data-test')).toBe('edit-name');
    await press('Tab');
    await page.keyboard.insertText('');
    await press('Control+a');
    await page.keyboard.type('53001');
    await press('Tab');
    expect(await page.locator(':focus').getAttribute('data-test')).toBe('save');
    await press('Enter');
    await shows(page, 53_001);
    await press('e');
    await page.keyboard.type('Elsewhere');
    await press('Escape'); // what is typed is undone first
    expect(await page.inputValue(the('edit-name'))).toBe('Tromsø');
    await press('Escape');
    await page.locator(the('details')).waitFor({ state: 'hidden' });
    expect(await page.locator(':focus').getAttribute('data-test')).toBe('search');
  });

  test('on a phone nothing covers the search, and nothing is wider than the screen', async () => {
    const page = await openWindow(await start(), { viewport: { width: 390, height: 844 }, hasTouch: true });
    await page.click(`${the('welcome')} [aria-label='Close this']`);
    await page.locator(the('welcome')).waitFor({ state: 'hidden' });
    await search(page, 'Ushuaia');
    const [field, panel] = [
      await page.locator(the('search')).boundingBox(),
      await page.locator(the('details')).boundingBox(),
    ];
    expect(panel?.y).toBeGreaterThan((field?.y ?? NaN) + (field?.height ?? NaN));
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect(await page.evaluate("document.querySelector('aside').scrollWidth")).toBeLessThanOrEqual(390);
  });

  test('by night and by day', async () => {
    const page = await openWindow(await start(), { colorScheme: 'dark' });
    const paper = (): Promise<unknown> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await paper()).toBe('rgb(17, 24, 29)');
    await page.click(the('theme'));
    expect(await paper()).toBe('rgb(247, 244, 238)');
    await page.reload();
    await page.waitForSelector('body[data-ready=true]');
    expect(await paper()).toBe('rgb(247, 244, 238)');
  });

  test('draws every settlement, opens the one that is clicked, zooms, and plots what is read', async () => {
    const serving = await start();
    const { ids } = (await (await fetch(`${serving.url}/data/points`)).json()) as { ids: string[] };
    expect(ids).toHaveLength(tables.counts.settlement);
    const page = await openWindow(serving, { browser: drawing });
    await page.locator(the('status')).waitFor({ state: 'hidden' });
    const world = await page.screenshot();
    await search(page, 'Honolulu');
    const ring = await page.locator(the('ring')).boundingBox();
    if (ring === null) throw new Error('Expected a ring around Honolulu.');
    await page.click(`${the('details')} [aria-label=Close]`);
    await page.locator(the('details')).waitFor({ state: 'hidden' });
    await expect
      .poll(
        async () => {
          await page.mouse.click(ring.x + ring.width / 2, ring.y + ring.height / 2);
          return page.locator(the('details')).isVisible();
        },
        { timeout: PATIENCE_MS, interval: 500 },
      )
      .toBe(true);
    expect(await page.locator(`${the('details')} h2`).textContent()).toBe('Honolulu');
    expect((await page.screenshot()).equals(world)).toBe(false);
    await page.evaluate(`
      frames = [];
      (function frame(at) { frames.push(at); requestAnimationFrame(frame); })(performance.now());`);
    await page.mouse.move(300, 300);
    for (let i = 0; i < 4; i++) await page.mouse.wheel(0, 200);
    const framesSeen = async (): Promise<number> => (await page.evaluate<number[]>('frames')).length;
    await expect.poll(framesSeen, { timeout: PATIENCE_MS }).toBeGreaterThan(30);
    const frames = await page.evaluate<number[]>('frames');
    const times = frames.slice(1).map((at, i) => at - (frames[i] ?? NaN));
    times.sort((a, b) => a - b);
    const at = (share: number): string => `${(times[Math.floor(share * times.length)] ?? NaN).toFixed(0)} ms`;
    console.log(`page: frames while zooming, drawn by the processor: median ${at(0.5)}, 90th percentile ${at(0.9)}`);
    await page.locator(`${the('plot')} polyline[points*=',']`).waitFor({ state: 'attached' });
    await page.locator('#totals', { hasText: 'origin calls' }).waitFor();
  });
});
