import { requireNode } from './node-version.mjs';
import { run } from './run.mjs';

requireNode();
process.exit(run('vitest', ['run', '--project', 'unit', ...process.argv.slice(2)], { TIDEMARK_LONG: '1' }));
