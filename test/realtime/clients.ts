import type { TideOptions } from '../../src/options.js';
import type { Connection, ConnectionOptions } from '../../src/realtime-verbs.js';
import type { ServerFrame } from '../../src/realtime/frames.js';
import type { Bus } from '../../src/contract.js';
import { createTidemark, defineModel, entity } from '../../src/index.js';
import type { FakeClock } from '../../src/testing/index.js';

export interface Kingdom {
  readonly id: string;
  readonly name: string;
}
export interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly name: string;
}

const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({ announce: ['name'] }),
    settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' }, announce: ['name'] }),
  },
});

export interface Principal {
  readonly name: string;
}

/** A replica of which a test has everything in its hands. */
export function tideOn(
  bus: Bus,
  clock: FakeClock,
  more: Partial<TideOptions<typeof model, Principal>> = {},
): ReturnType<typeof create> {
  return create(bus, clock, more);
}

function create(bus: Bus, clock: FakeClock, more: Partial<TideOptions<typeof model, Principal>>) {
  const errors: string[] = [];
  const tide = createTidemark<typeof model, Principal>({
    model,
    origin: {},
    bus,
    clock,
    authorize: () => true,
    principalId: ({ name }) => name,
    ...more,
  });
  tide.on('error', ({ error, where }) => errors.push(`${where}: ${error.message}`));
  const rename = (type: 'kingdom' | 'settlement', id: string, name: string) =>
    tide.change({
      type,
      id,
      op: 'update',
      before: { id, name: '', kingdomId: 'k1' },
      after: { id, name, kingdomId: 'k1' },
    } as never);
  return { tide, errors, rename };
}

export type TestTide = ReturnType<typeof create>['tide'];

/** A client at the other end of a link, which keeps all it was sent. */
export function client(tide: TestTide, more: Partial<ConnectionOptions<typeof model, Principal>> = {}) {
  const frames: ServerFrame[] = [];
  const closed: string[] = [];
  const connection: Connection<typeof model, Principal> = tide.realtime.connect({
    principal: { name: 'ada' },
    send: (frame) => {
      // As a link has it: nothing that JSON cannot write.
      frames.push(JSON.parse(JSON.stringify(frame)) as ServerFrame);
    },
    close: (code, reason) => closed.push(`${String(code)} ${reason}`),
    ...more,
  });
  /** Those that came since this was called last, without the first one and those that say where a subscription begins. */
  const told = (): string[] => frames.splice(0).flatMap(saidOf);
  return { connection, frames, closed, told };
}

/** A frame in a few words: what it says, and of which subscriptions. */
function saidOf(frame: ServerFrame): string[] {
  const on = 'on' in frame ? ` on ${Object.keys(frame.on).sort().join()}` : '';
  switch (frame.kind) {
    case 'signal':
      return [`${JSON.stringify(frame.value)} in ${frame.keys.join()}`];
    case 'welcome':
    case 'alive':
    case 'subscribed':
      return [];
    case 'change':
      return [`${String(frame.number)} ${JSON.stringify(frame.change.changes.values['name']).slice(1, -1)}${on}`];
    case 'again':
      return [`again ${String(frame.number)}${on}`];
    case 'resync':
      return [`resync ${frame.reason}${frame.dropped === undefined ? '' : ` ${String(frame.dropped)}`}${on}`];
    case 'computed':
      return [`${frame.computed.field}${on}`];
    case 'ended':
      return [`ended ${frame.key} ${String(frame.code)}`];
    case 'refused':
      return [`refused ${String(frame.key)} ${frame.code}`];
    case 'expiring':
    case 'authenticated':
      return [frame.kind];
  }
}
