import type { Dial, LinkEvents } from './link.js';
import type { Platform } from './platform.js';

/** An answer that does not end, as an event stream: with its own headers, unlike an EventSource, and any replica can give it. */
export const dialEventStream =
  (url: string, headers: Readonly<Record<string, string>> | undefined, { fetch }: Platform): Dial =>
  (token, subscriptions, events) => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify({ subscribe: subscriptions }),
        cache: 'no-store',
        signal: abort.signal,
      });
      if (!response.ok || !response.body) {
        events.end(response.status, await response.text());
        return;
      }
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        events.sign();
        const blocks = (text + decoder.decode(value, { stream: true })).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) tell(block, events);
      }
      events.end(0, 'The answer has ended.');
    };
    read().catch((error: unknown) => {
      events.end(0, String(error));
    });
    return {
      close: () => {
        abort.abort();
      },
    };
  };

/** One block of a stream: a frame, the word that it is over, or a comment. */
function tell(block: string, events: LinkEvents): void {
  const data = /^data: (.*)$/m.exec(block)?.[1];
  if (data === undefined) return;
  if (!block.startsWith('event: close')) {
    events.text(data);
    return;
  }
  const { code, reason } = JSON.parse(data) as { readonly code: number; readonly reason: string };
  events.end(code, reason);
}
