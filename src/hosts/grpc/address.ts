import { TidemarkError } from '../../errors.js';

/** Where a server is, in the notation of gRPC. Throws INVALID_OPTION for a port that is none. */
export function addressOf(host: string, port: number): string {
  if (!Number.isSafeInteger(port) || port < 0 || port > 65_535)
    throw new TidemarkError('INVALID_OPTION', `port: expected a whole number from 0 to 65535, got ${String(port)}.`);
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}
