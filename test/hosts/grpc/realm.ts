import { Redis } from 'ioredis';
import { redis } from '../../../src/adapters/redis/index.js';
import { type RulesOptions, createTidemark, defineModel, entity } from '../../../src/index.js';

/** A world whose rules lie in Redis, so that several processes share them. Imported outside of vitest as well. */

export const model = defineModel({
  entities: { settlement: entity<{ id: string; level: number }>()({ computed: { income: 'number' } }) },
});

export const PREFIX = 'realm:';
const RULE = `${PREFIX}factor`;

export const levelOf = (id: string): number => Number(id.slice(1));

/** One process's part of it: a tide over that Redis, and its rules: income is the level times a factor. */
export function openRealm(redisPort: number) {
  const [client, subscriber, rows] = [0, 1, 2].map(() => new Redis({ port: redisPort })) as [Redis, Redis, Redis];
  const rules: RulesOptions = {
    source: async () => {
      const factor = Number(await rows.get(RULE));
      const expression = { '*': [{ var: 'settlement.level' }, factor] };
      return [
        {
          id: 'income',
          entityType: 'settlement',
          entityId: null,
          field: 'income',
          expression,
          priority: 0,
          isActive: true,
        },
      ];
    },
  };
  const shared = redis({ client, subscriber, prefix: PREFIX });
  const origin = { settlement: { byIds: (ids: readonly string[]) => ids.map((id) => ({ id, level: levelOf(id) })) } };
  const tide = createTidemark({ model, origin, rules, ...shared });
  return {
    tide,
    rules,
    /** Writes another factor and announces it. */
    async setFactor(factor: number) {
      await rows.set(RULE, String(factor));
      return tide.change({ subjects: [tide.subject.rules('settlement', 'all')] });
    },
    async close() {
      await tide.close();
      for (const one of [client, subscriber, rows]) one.disconnect();
    },
  };
}
