import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import { type World, checkedBranch, queried } from './request.ts';

/** What the map draws: large, seldom changed, and sent small. */

interface Compressed {
  readonly etag: string;
  readonly identity: Buffer;
  readonly gzip: Buffer;
  readonly br: Buffer;
}

/** Every settlement of a branch in columns. Made anew only when some settlement has changed. */
export async function points({ tide, tables }: World, request: Request, response: Response): Promise<void> {
  const branch = checkedBranch(queried(request, 'branch')[0]);
  const dependsOn = [tide.subject.type('settlement', { branch })];
  const file = await tide.cache.getOrLoad(tide.key('points'), { branch, dependsOn, ttlMs: 0 }, () => {
    const rows = [...tables.all('settlement', branch)];
    return compressed({
      ids: rows.map(({ id }) => id),
      lon: rows.map(({ lon }) => lon),
      lat: rows.map(({ lat }) => lat),
      population: rows.map(({ population }) => population),
      names: rows.map(({ name }) => name),
    });
  });
  send(file, request, response);
}

export async function countries({ tide, outlines }: World, request: Request, response: Response): Promise<void> {
  const options = { branch: 'main', ttlMs: 0 };
  send(await tide.cache.getOrLoad(tide.key('countries'), options, () => compressed(outlines())), request, response);
}

async function compressed(data: object): Promise<Compressed> {
  const identity = Buffer.from(JSON.stringify(data));
  const [gzipped, br] = await Promise.all([
    promisify(gzip)(identity),
    promisify(brotliCompress)(identity, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  ]);
  const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 22);
  // Weak: the same content in whichever encoding.
  return { etag: `W/"${hash}"`, identity, gzip: gzipped, br };
}

function send(file: Compressed, request: Request, response: Response): void {
  response.set({ etag: file.etag, vary: 'accept-encoding', 'cache-control': 'no-cache' });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  // The smallest that the client takes, whichever it names first.
  const encoding = (['br', 'gzip'] as const).find((name) => request.acceptsEncodings(name) === name);
  if (encoding !== undefined) response.set('content-encoding', encoding);
  response.type('json').send(file[encoding ?? 'identity']);
}
