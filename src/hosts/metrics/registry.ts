import { FAMILIES } from './families.js';
import type { Measured } from './scrape.js';
import { linesOf } from './text.js';

/** A Registry of prom-client, version 15, or what has its shape. */
export interface PromRegistry {
  /** Its own type asks for its own classes; what it uses of them is what is given here. */
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}

/** What a registry of prom-client asks of a metric. In OpenMetrics it takes `_total` off the name itself, and puts it back. */
interface PromMetric {
  name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  /** How the processes of a cluster become one. */
  readonly aggregator: 'sum' | 'max';
  get(): Promise<object>;
  reset(): void;
}

/** Registers every family; `measure` is asked once for all that the registry asks for in one turn. Returns what takes them out again. */
export function registerIn(registry: PromRegistry, measure: () => Promise<readonly Measured[]>): () => void {
  let measuring: Promise<readonly Measured[]> | undefined;
  const measured = (): Promise<readonly Measured[]> => {
    measuring ??= measure().finally(() => {
      measuring = undefined;
    });
    return measuring;
  };
  const registered: string[] = [];
  const unregister = (): void => {
    for (const name of registered.splice(0)) registry.removeSingleMetric(name);
  };
  try {
    for (const { name, help, type, labels } of FAMILIES) {
      const metric: PromMetric = {
        name,
        help,
        type,
        labelNames: labels,
        aggregator: type === 'gauge' && name.endsWith('_seconds') ? 'max' : 'sum',
        async get() {
          const family = (await measured()).find((one) => one.name === name);
          const lines = family === undefined ? [] : linesOf(family);
          const values = lines.map(({ name: metricName, ...line }) =>
            type === 'histogram' ? { metricName, ...line } : line,
          );
          return { name: this.name, help, type, values, aggregator: this.aggregator };
        },
        reset: () => undefined,
      };
      registry.registerMetric(metric as never);
      registered.push(name);
    }
  } catch (error) {
    unregister();
    throw error;
  }
  return unregister;
}
