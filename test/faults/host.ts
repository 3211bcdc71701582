import { openReplica, type Opened } from './opened.js';
import type { Answer, FromHost, HostOptions, Question, ToHost } from './wire.js';

/** A process that is one replica at a time, told what to do over IPC by whoever forked it. */

const say = (message: FromHost): void => void process.send?.(message);

const asking = new Map<number, (answer: Answer) => void>();
let asked = 0;
let opened: Opened | null = null;

function ask(question: Question): Promise<Answer> {
  const n = ++asked;
  say({ kind: 'question', n, question });
  return new Promise((resolve) => asking.set(n, resolve));
}

async function call({ verb, args }: Extract<ToHost, { readonly kind: 'call' }>): Promise<unknown> {
  if (verb === 'open') {
    opened = await openReplica(args[0] as HostOptions, ask, (batch) => {
      say({ kind: 'batch', batch });
    });
    return;
  }
  if (opened === null) throw new Error(`${verb}(): nothing is open`);
  const method = opened.verbs[verb] as (...args: readonly unknown[]) => Promise<unknown>;
  const result = await method(...args);
  if (verb === 'close') opened = null;
  return result;
}

process.on('message', (message: ToHost) => {
  if (message.kind === 'answer') {
    asking.get(message.n)?.(message);
    asking.delete(message.n);
  } else if (message.kind === 'receipt') opened?.told(message);
  else {
    const { n } = message;
    call(message).then(
      (result) => {
        say({ kind: 'reply', n, result });
      },
      (error: unknown) => {
        say({ kind: 'reply', n, error: String(error) });
      },
    );
  }
});
process.on('disconnect', () => process.exit()); // what was compiled is kept for the next one
say({ kind: 'reply', n: 0 });
