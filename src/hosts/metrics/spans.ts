import { type Message, type Operation, type TraceMessages, codeOf } from '../../traces.js';
import type { Labels } from './family.js';
import { listen } from './listen.js';
import type { Span, SpanOptions, Tracer } from './open-telemetry.js';

/** What OpenTelemetry calls the kind of a span about a call of another process, and the status of a failure. */
const CLIENT = 2;
const ERROR = 2;

/** Calls that no reader and no change waits for: they would be traces of their own, one a second. */
const IN_BACKGROUND = new Set(['heads', 'watch', 'newEpoch', 'renewIf']);

interface Described {
  readonly name: string;
  readonly attributes: Record<string, string | number>;
}

const DESCRIBED: { readonly [Name in Operation]: (message: TraceMessages[Name]) => Described | null } = {
  load: ({ kind, type }) => ({
    name: `load ${kind} ${type}`,
    attributes: { 'tidemark.kind': kind, 'tidemark.type': type },
  }),
  origin: ({ type, method, count }) => ({
    name: `origin ${type}.${method}`,
    attributes: { 'tidemark.type': type, 'tidemark.method': method, 'tidemark.count': count },
  }),
  store: ({ part, call }) =>
    IN_BACKGROUND.has(call)
      ? null
      : { name: `${part} ${call}`, attributes: { 'tidemark.part': part, 'tidemark.call': call } },
  change: ({ types, count }) => ({
    name: `change ${types.length === 1 ? (types[0] ?? '') : 'several'}`.trim(),
    attributes: { 'tidemark.type': types.join(','), 'tidemark.count': count },
  }),
  publish: ({ count }) => ({ name: 'publish', attributes: { 'tidemark.count': count } }),
};

/** Makes a span of each operation. Returns what ends it. */
export function spans(tracer: Tracer, labelsOf: ReadonlyMap<object, Labels>): () => void {
  /** Of each that begins an end is told. */
  const running = new Map<Message, Span>();

  const common = new Map(
    [...labelsOf].map(([tide, labels]) => [
      tide,
      Object.fromEntries(Object.entries(labels).map(([name, value]) => [`tidemark.${name}`, value])),
    ]),
  );

  const linksTo = (loads: readonly Message[]): SpanOptions['links'] =>
    // The first of them is the one that it is beneath.
    loads.slice(1).flatMap((load) => {
      const span = running.get(load);
      return span === undefined ? [] : [{ context: span.spanContext() }];
    });

  return listen(labelsOf, {
    began: (operation, message) => {
      const described = (DESCRIBED[operation] as (message: Message) => Described | null)(message);
      if (described === null) return;
      const options: SpanOptions = {
        attributes: { ...common.get(message.tide), ...described.attributes },
        ...(operation === 'store' ? { kind: CLIENT } : {}),
        ...(operation === 'origin' ? { links: linksTo((message as TraceMessages['origin']).loads) ?? [] } : {}),
      };
      const { within } = message;
      message.within = (work) =>
        tracer.startActiveSpan(`tidemark ${described.name}`, options, (span) => {
          running.set(message, span);
          return within === undefined ? work() : within(work);
        });
    },
    ended: (_, message) => {
      const span = running.get(message);
      if (span === undefined) return;
      running.delete(message);
      const { found, state } = message as Partial<TraceMessages['load'] & TraceMessages['change']>;
      if (found !== undefined) span.setAttribute('tidemark.found', found);
      if (state !== undefined) span.setAttribute('tidemark.receipt', state);
      if (message.error !== undefined) {
        // Its text may name entities.
        const code = codeOf(message.error);
        span.setAttribute('error.type', code);
        span.setStatus({ code: ERROR, message: code });
      }
      span.end();
    },
  });
}
