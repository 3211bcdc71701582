import assert from 'node:assert/strict';
import type { Bus, BusListener, BusMessage, BusPosition } from '../../contract.js';
import { eventually, utf8, type ContractCase, type Elapse } from './case.js';

export interface BusFixture {
  /** Nothing was ever published. */
  readonly bus: Bus;
  /** The same bus as another replica reaches it, over connections of its own where there are any. */
  readonly peer: Bus;
  readonly elapse: Elapse;
  /** After this many more messages in its topic a message is certainly gone; a quarter as many are certainly kept. At least 40. */
  readonly history: number;
  /** Makes the bus forget one topic, as eviction or a flush does. Left out where nothing can: skip the cases. */
  readonly forget?: ((topic: string) => Promise<void>) | undefined;
}

export type BusCase = ContractCase<BusFixture>;

export const textOf = ({ bytes }: BusMessage): string => new TextDecoder().decode(bytes);

/** A listener that keeps what it is told. */
export function recorder(): BusListener & { readonly heard: BusMessage[]; readonly texts: () => string[] } {
  const heard: BusMessage[] = [];
  return {
    heard,
    texts: () => heard.map(textOf),
    onMessage: (message) => {
      heard.push(message);
    },
    onGap: () => {},
  };
}

let lastId = 0;
/** An id that no other publication has. */
export const freshId = (): string => `id ${String(++lastId)}`;

/** Publishes texts one after the other; gives their positions. */
export async function publishAll(bus: Bus, topic: string, texts: readonly string[]): Promise<BusPosition[]> {
  const positions: BusPosition[] = [];
  for (const text of texts) positions.push(await bus.publish(topic, utf8(text), { id: freshId() }));
  return positions;
}

export const numbered = (count: number, prefix = 'm'): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i + 1)}`);

export async function hears(
  elapse: Elapse,
  listener: ReturnType<typeof recorder>,
  texts: readonly string[],
): Promise<void> {
  await eventually(elapse, listener.texts, texts);
}

/** Every message after a position, page by page. Fails if any is gone. */
export async function readOn(bus: Bus, topic: string, since: BusPosition, limit: number): Promise<BusMessage[]> {
  const messages: BusMessage[] = [];
  for (let from = since; ; from = messages.at(-1)?.position ?? from) {
    const page = await bus.read(topic, from, limit);
    assert.equal(page.truncated, false);
    assert.ok(page.messages.length <= limit);
    if (page.messages.length === 0) return messages;
    messages.push(...page.messages);
  }
}
