import type { Family } from './family.js';
import { SERVICE } from './families/service.js';
import { STORES } from './families/stores.js';
import { VALUES } from './families/values.js';

/** Every metric there is, as data: the text, prom-client, OpenTelemetry, the guide and the dashboard go by it. */
export const FAMILIES: readonly Family[] = [...VALUES, ...STORES, ...SERVICE];
