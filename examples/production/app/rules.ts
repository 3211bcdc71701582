import { serveRules } from 'tidemark/grpc';
import { rules } from './model.ts';
import { openParts } from './parts.ts';

const { config, pool, tide, close } = await openParts();
// Reached by whoever is in its network; nobody else may be.
const server = await serveRules({
  ...{ tide, rules, host: '0.0.0.0', port: config.rules.port },
  probe: () => pool.query('select 1'),
});
process.once('SIGTERM', () => void server.close().then(close));
