import { type PromRegistry, registerIn } from './registry.js';
import { type MetricsOptions, type Tides, namedTides, scrape } from './scrape.js';
import { CONTENT_TYPE, textOf } from './text.js';

/** A request of node's http or http2, or of a framework on top of it. */
export interface ScrapeRequest {
  readonly method?: string | undefined;
}

export interface ScrapeResponse {
  writeHead(status: number, headers: Readonly<Record<string, string | number>>): unknown;
  end(): unknown;
  end(body: string): unknown;
}

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

export interface MetricsHost {
  /** What the tides say now, as Prometheus reads it. Asks their stores how they are: no longer than `storeTimeoutMs`. */
  scrape(): Promise<MetricsText>;
  /** Answers a GET or HEAD with that, whoever asks: who may is the host's to decide before. */
  handle(request: ScrapeRequest, response: ScrapeResponse): Promise<void>;
  /**
   * The same metrics in the host's own registry of prom-client, read when it is. Returns the function that takes them out.
   * Throws what the registry throws for a name that it has already, and has none of them then.
   */
  register(registry: PromRegistry): () => void;
}

/**
 * Metrics for Prometheus. Nothing runs while nobody asks, and no label has an id, a key or a branch.
 *
 * @example
 * const metrics = metricsHost(tide);
 * app.get('/metrics', (request, response) => metrics.handle(request, response));
 */
export function metricsHost(tides: Tides, options: MetricsOptions = {}): MetricsHost {
  const named = namedTides(tides);
  const text = async (): Promise<MetricsText> => ({
    contentType: CONTENT_TYPE,
    body: textOf(await scrape(named, options)),
  });
  return {
    scrape: text,
    handle: async ({ method }, response) => {
      if (method !== 'GET' && method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 });
        response.end();
        return;
      }
      const { contentType, body } = await text();
      const length = Buffer.byteLength(body);
      response.writeHead(200, { 'content-type': contentType, 'content-length': length, 'cache-control': 'no-store' });
      if (method === 'HEAD') response.end();
      else response.end(body);
    },
    register: (registry) => registerIn(registry, () => scrape(named, options)),
  };
}
