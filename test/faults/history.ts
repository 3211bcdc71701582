import type { Commit } from './database.js';
import type { Batch, Changed, Event, Heard, Read, Sent } from './wire.js';

type By<Op> = Op & { readonly replica: string };

/** What everybody saw, by one clock. */
export class History {
  readonly reads: By<Read>[] = [];
  readonly changes: By<Changed>[] = [];
  readonly sent: Sent[] = [];
  readonly heard: By<Heard>[] = [];
  readonly events: By<Event>[] = [];
  /** Of processes: what went wrong that nobody may let go wrong. */
  readonly complaints: string[] = [];
  /** Replicas that were killed: nobody asks what they would have heard. */
  readonly killed = new Set<string>();
  readonly commits: readonly Commit[];

  constructor(commits: readonly Commit[] = []) {
    this.commits = commits;
  }

  add(replica: string, { reads, changes, sent, heard, events }: Batch): void {
    for (const read of reads) this.reads.push({ ...read, replica });
    for (const change of changes) this.changes.push({ ...change, replica });
    this.sent.push(...sent);
    for (const one of heard) this.heard.push({ ...one, replica });
    for (const event of events) this.events.push({ ...event, replica });
  }

  complain(text: string): void {
    this.complaints.push(text);
  }
}
