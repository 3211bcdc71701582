// The whole check: what is wrong with the text, then the tests, then the package. Stops at what fails and ends with a plain
// line of counts, in which each test counts as one and so does each stage that is not vitest.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideChromium } from './chromium.mjs';
import { provideNginx } from './nginx.mjs';
import { requireNode } from './node-version.mjs';
import { providePgbouncer } from './pgbouncer.mjs';
import { providePostgres } from './postgres.mjs';
import { provideRedis } from './redis.mjs';
import { run, runBeside } from './run.mjs';

const started = performance.now();
requireNode();
const chromium = provideChromium();
if (chromium.missing !== undefined) console.warn(`\nNO CHROMIUM: the page is not tested: ${chromium.missing}`);
const redis = provideRedis();
if (redis.missing !== undefined) console.warn(`\nNO REDIS: its adapter is not tested: ${redis.missing}`);
const postgres = providePostgres();
if (postgres.missing !== undefined) console.warn(`\nNO POSTGIS: its adapter is not tested: ${postgres.missing}`);
const pgbouncer = providePgbouncer();
if (pgbouncer.missing !== undefined)
  console.warn(`\nNO PGBOUNCER: that it is refused is not tested: ${pgbouncer.missing}`);
const nginx = provideNginx();
if (nginx.missing !== undefined) console.warn(`\nNO NGINX: examples/production is not run: ${nginx.missing}`);

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
const report = join(scratch, 'vitest.json');
const tarball = join(scratch, `${name}-${version}.tgz`);

const npm = (script) => ['npm', ['run', '--silent', script]];
/** Each on one processor: side by side. */
const CHECKS = [
  [
    ['lint', npm('lint')],
    ['api docs', npm('docs')],
  ],
  [
    ['format', npm('format:check')],
    ['typecheck', npm('typecheck')],
    ['build', npm('build')],
  ],
];
const PACKAGE = [
  ['pack', ['npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', scratch]]],
  ['publint', ['publint', [tarball, '--strict']]],
  // Profile node16: subpaths have no meaning under the module resolution of Node 10.
  ['attw', ['attw', [tarball, '--profile', 'node16']]],
];

const counts = { passed: 0, failed: 0, skipped: 0 };

function addTestCounts(exitCode) {
  const tests = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
  counts.passed += tests?.numPassedTests ?? 0;
  counts.skipped += (tests?.numPendingTests ?? 0) + (tests?.numTodoTests ?? 0);
  // A file that does not even load, or whose hooks fail, has failed without a failed test.
  const failedFiles = (tests?.testResults ?? []).filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed'),
  );
  const failed = (tests?.numFailedTests ?? 0) + failedFiles.length;
  counts.failed += exitCode === 0 ? failed : Math.max(1, failed);
}

/** Stops at the first that fails. */
async function inTurn(stages) {
  for (const [stage, [command, args]] of stages) {
    const begun = performance.now();
    const { exitCode, output } = await runBeside(command, args);
    console.log(`\n== ${stage}\n${output}== ${stage}: ${exitCode === 0 ? 'ok' : 'FAILED'}, ${seconds(begun)}`);
    counts[exitCode === 0 ? 'passed' : 'failed'] += 1;
    if (exitCode !== 0) return;
  }
}

function test() {
  console.log('\n== tests');
  const begun = performance.now();
  const exitCode = run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]);
  addTestCounts(exitCode);
  console.log(`== tests: ${exitCode === 0 ? 'ok' : 'FAILED'}, ${seconds(begun)}`);
}

await Promise.all(CHECKS.map(inTurn));
if (counts.failed === 0) test();
if (counts.failed === 0) await inTurn(PACKAGE);
rmSync(scratch, { recursive: true, force: true });

const { passed, failed, skipped } = counts;
console.log(`\ntotal ${seconds(started)}`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
