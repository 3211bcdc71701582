import type { BeforeApplicationShutdown, OnApplicationShutdown, OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';
import type { Tidemark } from '../../api.js';
import { systemClock } from '../../clock.js';
import type { AnyModel } from '../../model.js';
import type { AnyModuleOptions } from './options.js';
import type { Requests } from '../http/requests.js';

export interface ClosingParts {
  readonly tide: Tidemark<AnyModel>;
  readonly options: AnyModuleOptions;
  readonly requests: Requests;
  readonly host: HttpAdapterHost;
}

/**
 * The end of a tide, in the order of Nest's hooks: health says no; all is served until that has been noticed; live updates
 * end, for which Nest would wait for ever; Nest waits for requests; the tide is closed.
 */
export class Closing implements OnModuleInit, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #parts: ClosingParts;
  #serves = false;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  onModuleInit(): void {
    const { host, requests } = this.#parts;
    // None in an app without HTTP.
    const server = (host.httpAdapter as HttpAdapterHost['httpAdapter'] | undefined)?.getHttpServer() as
      Server | undefined;
    this.#serves = server !== undefined;
    if (server !== undefined) requests.follow(server);
  }

  onModuleDestroy(): void {
    this.#parts.requests.drain();
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { tide, options, requests } = this.#parts;
    const { drainMs = 0 } = options;
    const { clock = systemClock } = options.tide;
    const waits = this.#serves && drainMs > 0;
    // An app that is closed once more has nothing to wait for.
    this.#serves = false;
    if (waits) await new Promise<void>((resolve) => void clock.after(drainMs, resolve));
    tide.realtime.close();
    requests.closeSilent();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#parts.tide.close();
  }
}
