import { test } from 'vitest';
import { casesFor, fakeClock, memoryOutbox, outboxCases, type OutboxFixture } from '../../src/testing/index.js';

function make(): OutboxFixture {
  const clock = fakeClock();
  const outbox = memoryOutbox({ clock });
  const begin = () => {
    const transaction = outbox.begin();
    return { via: transaction, commit: transaction.commit, rollback: transaction.rollback };
  };
  return { outbox, peer: outbox, begin, trigger: outbox.trigger, elapse: (ms) => clock.advance(ms) };
}
for (const { name, run } of casesFor(outboxCases)) test(name, () => run(make));
