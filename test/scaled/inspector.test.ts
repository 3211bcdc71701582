import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../scripts/chromium.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { RunningStage } from './stage.js';

// Three replicas with people on them, and the inspector of one: what a stranger asks is answered within three clicks.

const missing = process.env['REDIS_URL'] ? undefined : findRedis().missing;
const browser = findChromium();
if (missing !== undefined || browser.missing !== undefined)
  console.warn(`NO REDIS OR NO CHROMIUM: the inspector of three replicas is not tested`);

test.runIf(process.env['CI'] === 'true')('a Redis and a Chromium are there', () => {
  expect([missing, browser.missing]).toEqual([undefined, undefined]);
});

describe.skipIf(missing !== undefined || browser.missing !== undefined)('the inspector of three replicas', () => {
  let stage: RunningStage;
  let chrome: Browser;
  let page: Page;
  let clicks = 0;
  const faults: string[] = [];
  const click = async (selector: string): Promise<void> => {
    clicks++;
    await page.locator(selector).first().click();
  };
  /** In the list of what was loaded again: the city, as somebody had changed it. */
  const cityRow = (id: string): string =>
    `[data-test=reloaded] li:has-text("changed: ") [data-key="settlement:${id.replaceAll(':', '%3A')}:main"]`;
  const panel = (name: string) => page.locator(`#panel-${name}`);

  beforeAll(async () => {
    stage = await RunningStage.start('--world', 'demo');
    chrome = await chromium.launch({ executablePath: browser.path ?? '', args: ['--no-sandbox', '--disable-gpu'] });
    const context = await chrome.newContext({ reducedMotion: 'reduce' });
    context.setDefaultTimeout(60_000);
    page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    // The page about the three leads to the inspector of each.
    await page.goto(`${stage.url}/scaled`);
    const link = page.locator("[data-test='inspect-1']");
    await page.locator("[data-test='said-1']", { hasText: 'current' }).waitFor();
    await page.goto((await link.getAttribute('href')) ?? '');
    await page.waitForSelector('body[data-ready=true][data-live=live]');
  }, 120_000);
  afterAll(async () => {
    await chrome?.close();
    expect(await stage?.stop()).toBe(0);
    expect(faults).toEqual([]);
  });

  test('why was this entry loaded again?', async () => {
    const id = stage.state?.city.id ?? '';
    const key = cityRow(id);
    clicks = 0;
    await click('[data-tab=entry]');
    await page.locator(key).first().waitFor();
    await click(key);
    await page.locator('[data-test=value] [data-why=changed]').first().waitFor();
    expect(await panel('entry').innerText()).toMatch(/because changed: settlement .+ changed · by this change/);
    await click('[data-test=value] [data-change]');
    await page.locator('#cascade [data-test=stale]').waitFor();
    expect(clicks).toBeLessThanOrEqual(3);
    expect(await page.locator('#cascade').innerText()).toContain(id);
  });

  test('what does editing this city touch?', async () => {
    const id = stage.state?.city.id ?? '';
    const key = cityRow(id);
    clicks = 0;
    await click('[data-tab=entry]');
    await page.locator(key).first().waitFor();
    await click(key);
    await click('[data-test=touch]');
    await page.locator('[data-test=touched]').waitFor();
    expect(clicks).toBeLessThanOrEqual(3);
    const said = await page.locator('[data-test=touched]').innerText();
    expect(said).toContain(`To update settlement ${id}`);
    expect(said).toMatch(/settlements:kingdom:|view:/);
  });

  test('which replica is behind? One is killed, and the page says so wherever one is', async () => {
    clicks = 0;
    await click('[data-tab=replicas]');
    await expect.poll(() => page.locator('[data-replica][data-state=current]').count(), { timeout: 60_000 }).toBe(3);
    expect(await page.locator('[data-test=verdict]').innerText()).toBe('None: all that answer are current.');
    await stage.act({ do: 'kill', replica: 3 });
    await page.locator('[data-replica][data-state=silent]').waitFor();
    expect(await page.locator('[data-test=verdict]').innerText()).toMatch(
      /^Replica [0-9a-f]{12} has been silent since \d\d:\d\d:\d\d, for /,
    );
    expect(clicks).toBe(1);
    await click('[data-tab=tiers]');
    expect(await page.locator('#alarm').innerText()).toMatch(/has been silent since/);
    await click('#alarm button');
    expect(await panel('replicas').isVisible()).toBe(true);
  });

  test('one that Redis does not answer any more says so of itself, and since when', async () => {
    await stage.act({ do: 'cut-client', replica: 1 });
    await page.locator('[data-replica][data-state=behind]').waitFor();
    expect(await page.locator('[data-test=verdict]').innerText()).toMatch(
      /Replica [0-9a-f]{12} \(this one\) has been behind since \d\d:\d\d:\d\d/,
    );
    await stage.act({ do: 'mend-client', replica: 1 });
    await expect.poll(() => page.locator('[data-replica][data-state=behind]').count(), { timeout: 60_000 }).toBe(0);
  });
});
