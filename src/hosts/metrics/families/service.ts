import { type Family, counts, one, states } from '../family.js';

const STATUSES = ['up', 'degraded', 'down'] as const;
const STATES = ['closed', 'open', 'half-open'] as const;

/** Live updates, health, and the rules service. */
export const SERVICE: readonly Family[] = [
  // ── Live updates ──────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_connections',
    type: 'gauge',
    help: 'Connections of clients.',
    labels: [],
    read: ({ metrics }) => one(metrics.realtime.connections),
  },
  {
    name: 'tidemark_subscriptions',
    type: 'gauge',
    help: 'Subscriptions.',
    labels: [],
    read: ({ metrics }) => one(metrics.realtime.subscriptions),
  },
  {
    name: 'tidemark_subscriptions_behind',
    type: 'gauge',
    help: 'Subscriptions that have not read all there is.',
    labels: [],
    read: ({ metrics }) => one(metrics.realtime.behind),
  },
  {
    name: 'tidemark_subscription_lag_items',
    type: 'gauge',
    help: 'Items that the subscription has not read which is furthest behind; above ringSize it has lost some.',
    labels: [],
    read: ({ metrics }) => one(metrics.realtime.furthestBehind),
  },
  {
    name: 'tidemark_deliveries_total',
    type: 'counter',
    help: 'Items given to subscribers.',
    labels: ['kind'],
    read: ({ metrics }) => counts(metrics.realtime.delivered),
  },
  {
    name: 'tidemark_resyncs_total',
    type: 'counter',
    help: 'Times that a subscriber was told to look at everything again.',
    labels: ['reason'],
    read: ({ metrics }) => counts(metrics.realtime.resyncs),
  },

  // ── Health ────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_health_status',
    type: 'gauge',
    help: 'What health() says: 1 for the status that it is.',
    labels: ['status'],
    read: ({ health }) => states(STATUSES, health.status, 'status'),
  },
  {
    name: 'tidemark_errors_total',
    type: 'counter',
    help: 'Failures that nobody was thrown, as error events have them, by code; other for what is no error of tidemark.',
    labels: ['code'],
    read: ({ metrics }) => counts(metrics.errors),
  },

  // ── The rules service ─────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_rules_questions_total',
    type: 'counter',
    help: 'Questions to the rules service by what became of them.',
    labels: ['outcome'],
    read: ({ rules }) =>
      rules === null
        ? []
        : (['answered', 'refused', 'fallback', 'unavailable'] as const).flatMap((outcome) =>
            one(rules[outcome], { outcome }),
          ),
  },
  {
    name: 'tidemark_rules_failures_total',
    type: 'counter',
    help: 'Calls of a server of the rules service that failed.',
    labels: ['address'],
    read: ({ rules }) => rules?.servers.flatMap(({ address, failures }) => one(failures, { address })) ?? [],
  },
  {
    name: 'tidemark_rules_breaker_state',
    type: 'gauge',
    help: 'State of the breaker of a server of the rules service: 1 for the one that it is in.',
    labels: ['address', 'state'],
    read: ({ rules }) =>
      rules?.servers.flatMap(({ address, state }) => states(STATES, state, 'state', { address })) ?? [],
  },
];
