import { busDeliveryCases } from './bus-delivery.js';
import { busEphemeralCases } from './bus-ephemeral.js';
import type { BusCase } from './bus-fixture.js';
import { busHistoryCases } from './bus-history.js';

/** What every Bus must do. */
export const busCases: readonly BusCase[] = [...busDeliveryCases, ...busHistoryCases, ...busEphemeralCases];
