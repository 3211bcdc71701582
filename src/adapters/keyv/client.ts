import { TidemarkError, messageOf } from '../../errors.js';

/** What is used of a Keyv, version 5.6 or later, or 6. */
export interface KeyvClient {
  getMany(keys: string[]): Promise<readonly unknown[]>;
  /** What is stored, as `{ value }`. Used with version 5 only. */
  getRaw(key: string): Promise<unknown>;
  setMany(entries: KeyvWrite[]): Promise<unknown>;
  deleteMany(keys: string[]): Promise<unknown>;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  off(event: 'error', listener: (error: unknown) => void): unknown;
  /** The storage, or what version 6 puts around it. */
  readonly store: unknown;
  readonly iterator?: ((argument: undefined) => AsyncIterable<unknown>) | undefined;
  /** Version 5 only. */
  readonly opts?: { readonly emitErrors?: boolean | undefined } | undefined;
}

export interface KeyvWrite {
  key: string;
  value: string;
  ttl?: number;
}

/**
 * Calls of a Keyv that fail where it fails. A Keyv that is asked for something and cannot do it emits 'error' and answers
 * undefined, false or true, depending on version, method and storage, which may not say more than the event either; so a
 * call during which an error was emitted has failed. Whose error it was is not said: it fails all calls under way.
 */
export class KeyvCalls {
  readonly #keyv: KeyvClient;
  readonly #underWay = new Set<{ failure?: { readonly error: unknown } }>();
  readonly #settled = new Set<Promise<unknown>>();
  /** Version 5 swallows the failure of a storage without getMany, and emits nothing. */
  readonly #oneByOne: boolean;
  #closed: Promise<void> | null = null;

  constructor(keyv: KeyvClient) {
    if (keyv.opts?.emitErrors === false) {
      const message =
        'keyv: expected a Keyv that emits its errors, got one with emitErrors: false, which hides failures.';
      throw new TidemarkError('INVALID_OPTION', message);
    }
    this.#keyv = keyv;
    this.#oneByOne = keyv.opts !== undefined && !has(keyv.store, 'getMany');
    keyv.on('error', this.#onError);
  }

  /** False where iterating would end at once, as if nothing were there. */
  get canIterate(): boolean {
    const { iterator, opts, store } = this.#keyv;
    if (typeof iterator !== 'function') return false;
    if (opts !== undefined) return true; // version 5 leaves the iterator out if its storage has none
    const { capabilities, store: inner } = store as {
      capabilities?: { store?: string; methods?: { iterator?: { exists?: boolean } } };
      store?: unknown;
    };
    return (
      (capabilities?.methods?.iterator?.exists ?? has(store, 'iterator')) ||
      (capabilities?.store === 'mapLike' && has(inner, 'entries'))
    );
  }

  getMany(keys: readonly string[]): Promise<readonly unknown[]> {
    return this.#call('getMany', async (keyv) => {
      if (!this.#oneByOne) return keyv.getMany([...keys]);
      const found = await Promise.all(keys.map((key) => keyv.getRaw(key)));
      return (found as ({ value?: unknown } | undefined)[]).map((one) => one?.value);
    });
  }

  async setMany(entries: KeyvWrite[]): Promise<void> {
    const answer = await this.#call('setMany', (keyv) => keyv.setMany(entries));
    const refused = (Array.isArray(answer) ? answer : [answer]).filter((one) => one === false).length;
    if (refused === 0) return;
    throw failed('setMany', `expected all entries to be stored, got false for ${String(refused)}`);
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    // Its answer says, by version and storage: all existed, some existed, or which.
    await this.#call('deleteMany', (keyv) => keyv.deleteMany([...keys]));
  }

  /** The values under all keys, whatever a Keyv takes their keys for. */
  async *values(): AsyncIterable<unknown> {
    const { iterator } = this.#keyv;
    if (!this.canIterate || iterator === undefined) {
      throw failed('iterator', 'expected a Keyv over a storage that can list its keys, got one that cannot');
    }
    const call = this.#begin();
    try {
      for await (const item of iterator.call(this.#keyv, undefined)) {
        this.#check('iterator', call);
        if (Array.isArray(item)) yield item[1];
      }
      this.#check('iterator', call);
    } catch (error) {
      throw asFailure('iterator', error);
    } finally {
      this.#underWay.delete(call);
    }
  }

  /** Waits for the calls under way, then takes back the listener: without it their failures would go unseen. */
  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#settled).then(() => {
      this.#keyv.off('error', this.#onError);
    });
    return this.#closed;
  }

  async #call<T>(name: string, run: (keyv: KeyvClient) => Promise<T>): Promise<T> {
    const call = this.#begin();
    const answer = (async () => run(this.#keyv))();
    this.#settled.add(answer);
    try {
      const given = await answer;
      this.#check(name, call);
      return given;
    } catch (error) {
      throw asFailure(name, error);
    } finally {
      this.#settled.delete(answer);
      this.#underWay.delete(call);
    }
  }

  #begin(): { failure?: { readonly error: unknown } } {
    if (this.#closed !== null) throw new TidemarkError('CLOSED', 'keyv: expected an open store; close() was called.');
    const call = {};
    this.#underWay.add(call);
    return call;
  }

  #check(name: string, { failure }: { failure?: { readonly error: unknown } }): void {
    if (failure !== undefined) throw asFailure(name, failure.error);
  }

  readonly #onError = (error: unknown): void => {
    for (const call of this.#underWay) call.failure ??= { error };
  };
}

function has(object: unknown, method: string): boolean {
  return typeof (object as Record<string, unknown> | null | undefined)?.[method] === 'function';
}

function failed(method: string, what: string, cause?: unknown): TidemarkError {
  return new TidemarkError('STORE_FAILED', `keyv.${method}: ${what}.`, cause === undefined ? undefined : { cause });
}

function asFailure(method: string, error: unknown): TidemarkError {
  return error instanceof TidemarkError
    ? error
    : failed(method, `expected an answer, got: ${messageOf(error).replace(/\.$/, '')}`, error);
}
