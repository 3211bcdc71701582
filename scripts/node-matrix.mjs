import { requireNode } from './node-version.mjs';
import { run } from './run.mjs';

requireNode();

// The oldest and the newest supported line; `npm test` covers the one between.
const VERSIONS = ['22', '26'];

const failed = VERSIONS.filter((version) => {
  console.log(`\n== vitest on Node ${version}`);
  const node = ['-y', '-p', `node@${version}`, 'node'];
  run('npx', [...node, '--version']);
  return run('npx', [...node, 'node_modules/vitest/vitest.mjs', 'run']) !== 0;
});

if (failed.length > 0) {
  console.error(`\nfailed on Node ${failed.join(' and ')}`);
  process.exit(1);
}
console.log(`\npassed on Node ${VERSIONS.join(' and ')}`);
