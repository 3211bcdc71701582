import { storeConditionCases } from './store-conditions.js';
import type { StoreCase } from './store-fixture.js';
import { storeScanCases } from './store-scan.js';
import { storeValueCases } from './store-values.js';

/** What every tier 2 store must do. */
export const storeCases: readonly StoreCase[] = [...storeValueCases, ...storeConditionCases, ...storeScanCases];
