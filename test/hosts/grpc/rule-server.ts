import { serveRules } from '../../../src/hosts/grpc/index.js';
import { openRealm } from './realm.js';

/** A process that is one rules service, until somebody kills it. */

const [redisPort = 0, port = 0] = process.argv.slice(2).map(Number);
const { tide, rules } = openRealm(redisPort);
await tide.ready();
const server = await serveRules({ tide, rules, port });
process.on('disconnect', () => process.exit());
process.send?.(server.port);
