import type { Client, ClientItem } from '../../src/client/index.js';
import type { FrameTarget } from '../../src/realtime/frames.js';

type Change = Extract<ClientItem, { kind: 'change' }>;

/** A client in the hands of a test: what it says, whoever follows that target hears. */
export function fakeClient() {
  const listeners = new Map<string, (item: ClientItem) => void>();
  const client: Pick<Client, 'subscribe'> = {
    subscribe: (target, listener) => {
      listeners.set(JSON.stringify(target), listener);
      return () => listeners.delete(JSON.stringify(target));
    },
  };
  const say = (target: FrameTarget, item: ClientItem): void => listeners.get(JSON.stringify(target))?.(item);
  const change = (
    target: FrameTarget,
    entityType: string,
    entityId: string,
    {
      op = 'update',
      fields,
      values = {},
    }: { op?: Change['op']; fields?: readonly string[] | null; values?: Record<string, unknown> },
  ): void => {
    say(target, {
      ...{ kind: 'change', cursor: 'c', changeId: 'x', entityType, entityId, branch: 'main', op },
      changes: { fields: fields === undefined ? Object.keys(values) : fields, values },
      ...{ version: 2, modifiedBy: null, modifiedAt: '2026-01-01T00:00:00.000Z' },
    });
  };
  return { client, say, change, followed: listeners };
}
