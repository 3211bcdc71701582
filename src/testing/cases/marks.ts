import type { MarksCase } from './marks-fixture.js';
import { marksTokenCases } from './marks-tokens.js';
import { marksWatchCases } from './marks-watch.js';

/** What every Marks must do. */
export const marksCases: readonly MarksCase[] = [...marksTokenCases, ...marksWatchCases];
