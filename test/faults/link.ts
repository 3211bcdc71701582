import { type Address, type Direction, type Proxy, openProxy } from './proxy.js';

/** All that one kind of connection of one replica goes through: a proxy before every server. */
export class Link {
  readonly #proxies: ReadonlyMap<string, Proxy>;

  private constructor(proxies: ReadonlyMap<string, Proxy>) {
    this.#proxies = proxies;
  }

  static async to(servers: readonly Address[]): Promise<Link> {
    const proxies = await Promise.all(
      servers.map(async (server) => [nameOf(server), await openProxy(server)] as const),
    );
    return new Link(new Map(proxies));
  }

  /** Where a server is reached through this link. */
  at(server: Address): Address {
    const { host, port } = this.#proxies.get(nameOf(server)) as Proxy;
    return { host, port };
  }

  /** The same for all servers, as ioredis takes it. */
  get natMap(): Readonly<Record<string, Address>> {
    return Object.fromEntries([...this.#proxies].map(([name, { host, port }]) => [name, { host, port }]));
  }

  get open(): number {
    return this.#all.reduce((sum, { open }) => sum + open, 0);
  }

  /** What is held back on its way to the replica. */
  get held(): string {
    return this.#all.map(({ held }) => held).join('');
  }

  get #all(): readonly Proxy[] {
    return [...this.#proxies.values()];
  }

  cut(): void {
    for (const proxy of this.#all) proxy.cut();
  }
  hold(...directions: Direction[]): void {
    for (const proxy of this.#all) proxy.hold(...directions);
  }
  halfOpen(): void {
    for (const proxy of this.#all) proxy.halfOpen();
  }
  delay(ms: number): void {
    for (const proxy of this.#all) proxy.delay(ms);
  }
  async refuse(): Promise<void> {
    await Promise.all(this.#all.map((proxy) => proxy.refuse()));
  }
  async heal(): Promise<void> {
    await Promise.all(this.#all.map((proxy) => proxy.heal()));
  }
  async close(): Promise<void> {
    await Promise.all(this.#all.map((proxy) => proxy.close()));
  }
}

const nameOf = ({ host, port }: Address): string => `${host}:${String(port)}`;
