/**
 * How replicas ask each other how they are. JSON, not the host's codec: replicas of another version, or another app, have to
 * understand it. Durations, never times. What a frame has beyond this is of a later version, and not looked at.
 */
import { COUNTED, type Counter, type Health, type KindStats, type Stats, withRate, zero } from '../report.js';

/** The topic on which all are asked. No subject has this name. */
export const ROLL_CALL = 'replicas';
/** Where answers to one question go. */
export const answersTo = (question: string): string => `${ROLL_CALL}-of:${question}`;

const VERSION = 1;
/** What one ephemeral message holds, less the line before it. */
const PART_BYTES = 4000;
/** Of one report: about two thousand kinds of key, where a model of sixty entities has some 250. */
const MAX_PARTS = 64;

export type About = 'stats' | 'health';

export interface Question {
  /** 32 hex digits. */
  readonly id: string;
  readonly about: About;
  /** For how long answers are waited for. */
  readonly waitMs: number;
}

export interface Report {
  readonly from: string;
  readonly version: string;
  /** Since it was made. */
  readonly upMs: number;
  /** Since it began to count, which `stats.startTime` says by a clock of its own. */
  readonly countedMs: number;
  readonly unconfirmedMs: number | null;
  readonly stats: Omit<Stats, 'startTime'>;
  /** If it was asked for. */
  readonly health?: Health | undefined;
}

/** One part of a report, as it goes over the bus. */
export interface Part {
  readonly from: string;
  /** Which answer of that replica it belongs to. */
  readonly answer: string;
  /** From 0. */
  readonly at: number;
  readonly of: number;
  readonly bytes: Uint8Array;
}

export function encodeQuestion(question: Question): Uint8Array {
  return Buffer.from(JSON.stringify({ v: VERSION, ...question }));
}

/** Null for a question of another version, or about what is not known here. Throws for what is none. */
export function decodeQuestion(bytes: Uint8Array): Question | null {
  const { v, id, about, waitMs } = objectIn(jsonIn(bytes), 'question');
  if (typeof v !== 'number') throw malformed('v', v);
  if (v !== VERSION) return null;
  if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id)) throw malformed('id', id);
  if (typeof about !== 'string') throw malformed('about', about);
  return about === 'stats' || about === 'health' ? { id, about, waitMs: numberIn(waitMs, 'waitMs') } : null;
}

/** The messages that together are one report, `answer` being another number each time. */
export function encodeReport({ from, ...report }: Report, answer: number): Uint8Array[] {
  const bytes = Buffer.from(JSON.stringify({ ...report, stats: sparse(report.stats) }));
  const of = Math.ceil(bytes.length / PART_BYTES);
  if (of > MAX_PARTS) throw new RangeError(`report: expected at most ${String(MAX_PARTS)} parts, got ${String(of)}.`);
  return Array.from({ length: of }, (_, at) =>
    Buffer.concat([
      Buffer.from(`${String(VERSION)} ${from} ${String(answer)} ${String(at + 1)}/${String(of)}\n`),
      bytes.subarray(at * PART_BYTES, (at + 1) * PART_BYTES),
    ]),
  );
}

const PART = /^(\d+) ([0-9a-f]{1,32}) (\d{1,16}) (\d{1,3})\/(\d{1,3})$/;

/** Null for a part of another version. Throws for what is none. */
export function decodePart(bytes: Uint8Array): Part | null {
  const lineEnd = bytes.indexOf(10);
  const line = Buffer.from(bytes.subarray(0, Math.max(0, lineEnd))).toString('latin1');
  const [, v, from = '', answer = '', at, of] = PART.exec(line) ?? [];
  if (v === undefined) throw malformed('part', line);
  if (Number(v) !== VERSION) return null;
  const part = { from, answer, at: Number(at) - 1, of: Number(of), bytes: bytes.subarray(lineEnd + 1) };
  if (part.at < 0 || part.at >= part.of || part.of > MAX_PARTS) throw malformed('part', line);
  return part;
}

/** Inverse of {@link encodeReport}. Throws for what is no report; a counter that is not there is 0. */
export function decodeReport(from: string, parts: readonly Uint8Array[]): Report {
  const wire = objectIn(jsonIn(Buffer.concat(parts)), 'report');
  const { version, unconfirmedMs, health } = wire;
  if (typeof version !== 'string') throw malformed('version', version);
  return {
    from,
    version,
    upMs: numberIn(wire['upMs'], 'upMs'),
    countedMs: numberIn(wire['countedMs'], 'countedMs'),
    unconfirmedMs: orNull(unconfirmedMs, 'unconfirmedMs'),
    stats: statsIn(objectIn(wire['stats'], 'stats')),
    ...(health === undefined ? {} : { health: healthIn(objectIn(health, 'health')) }),
  };
}

// ── Statistics ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Zeros and what follows from the rest are left out: most kinds have few counters that are not 0. */
function sparse({ byType, hitRate: _, ...stats }: Report['stats']): object {
  const counted = ({ hitRate: _, ...counter }: KindStats): object =>
    Object.fromEntries(Object.entries(counter).filter(([, count]) => count !== 0));
  return { ...stats, byType: mapped(byType, counted) };
}

function statsIn(wire: Wire): Report['stats'] {
  const { enabled } = wire;
  if (typeof enabled !== 'boolean') throw malformed('enabled', enabled);
  const byType = mapped(objectIn(wire['byType'], 'byType'), (counter, type) =>
    withRate(counterIn(objectIn(counter, type))),
  );
  const tier1 = objectIn(wire['tier1'], 'tier1');
  return {
    ...withRate(counterIn(wire)),
    patternDeletes: orZero(wire, 'patternDeletes'),
    originCalls: orZero(wire, 'originCalls'),
    changes: orZero(wire, 'changes'),
    enabled,
    byType,
    tier1: { entries: orZero(tier1, 'entries'), bytes: orZero(tier1, 'bytes'), marks: orZero(tier1, 'marks') },
  };
}

function counterIn(wire: Wire): Counter {
  const counter = zero();
  for (const field of COUNTED) counter[field] = orZero(wire, field);
  return counter;
}

// ── Health ──────────────────────────────────────────────────────────────────────────────────────────────────────

function healthIn({ status, metrics: given, thresholds: limits, issues }: Wire): Health {
  if (status !== 'up' && status !== 'degraded' && status !== 'down') throw malformed('status', status);
  if (!Array.isArray(issues) || !issues.every((issue) => typeof issue === 'string')) throw malformed('issues', issues);
  const [metrics, thresholds] = [objectIn(given, 'metrics'), objectIn(limits, 'thresholds')];
  const counts = objectIn(metrics['keyCountByType'], 'keyCountByType');
  const outbox = metrics['outbox'] === undefined ? undefined : objectIn(metrics['outbox'], 'outbox');
  return {
    status,
    metrics: {
      hitRate: orNull(metrics['hitRate'], 'hitRate'),
      redisPingMs: orNull(metrics['redisPingMs'], 'redisPingMs'),
      memoryUsageMB: orNull(metrics['memoryUsageMB'], 'memoryUsageMB'),
      keyCountByType: mapped(counts, numberIn),
      ...(outbox === undefined
        ? {}
        : {
            outbox: {
              waiting: orZero(outbox, 'waiting'),
              oldestMs: orNull(outbox['oldestMs'] ?? null, 'oldestMs'),
              refused: orZero(outbox, 'refused'),
            },
          }),
    },
    thresholds: {
      minHitRate: orZero(thresholds, 'minHitRate'),
      maxMemory: limitIn(thresholds, 'maxMemory'),
      maxLatency: limitIn(thresholds, 'maxLatency'),
    },
    issues: issues,
  };
}

// ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────

type Wire = Readonly<Record<string, unknown>>;

const mapped = <From, To>(
  record: Readonly<Record<string, From>>,
  to: (value: From, name: string) => To,
): Readonly<Record<string, To>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value, name)]));

const jsonIn = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

function objectIn(value: unknown, where: string): Wire {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(where, value);
  return value as Wire;
}

function numberIn(value: unknown, where: string): number {
  if (typeof value !== 'number' || !(value >= 0)) throw malformed(where, value);
  return value;
}

const orNull = (value: unknown, where: string): number | null => (value === null ? null : numberIn(value, where));
const orZero = (wire: Wire, field: string): number => (wire[field] === undefined ? 0 : numberIn(wire[field], field));
/** JSON has no Infinity. */
const limitIn = (wire: Wire, field: string): number => orNull(wire[field] ?? null, field) ?? Infinity;

const malformed = (where: string, got: unknown): Error =>
  new TypeError(`report: ${where} is not what it should be, got ${typeof got}.`);
