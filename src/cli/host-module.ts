import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../errors.js';

type Exports = Readonly<Record<string, unknown>>;

/** What a module of the host's exports; of a CommonJS one, what `module.exports` has. Throws with a sentence if it cannot be loaded. */
export async function loadModule(cwd: string, path: string): Promise<Exports> {
  const file = resolve(cwd, path);
  try {
    const loaded = (await import(pathToFileURL(file).href)) as Exports;
    const fallback = loaded['default'];
    return typeof fallback === 'object' && fallback !== null ? { ...(fallback as Exports), ...loaded } : loaded;
  } catch (error) {
    throw new Error(`--app: expected a module that can be loaded, got ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A value that a module exports, or what the function of that name gives. */
export async function exported(module: Exports, name: string): Promise<unknown> {
  const value = module[name];
  return typeof value === 'function' ? (value as () => unknown)() : value;
}

/** A package of the project's, as the project itself would get it. Throws with a sentence if it is not installed. */
export async function loadPackage(cwd: string, name: string, wanted: string): Promise<Exports> {
  let file: string;
  try {
    file = requireFrom(cwd).resolve(name);
  } catch (error) {
    const what = `${wanted} takes the package '${name}', which is not installed in ${cwd}: npm install ${name}`;
    throw new Error(what, { cause: error });
  }
  const loaded = (await import(pathToFileURL(file).href)) as Exports;
  return { ...(loaded['default'] as Exports | undefined), ...loaded };
}

/** The version of a package of the project's; undefined if it is not installed. */
export function versionOf(cwd: string, name: string): string | undefined {
  for (const folder of requireFrom(cwd).resolve.paths(name) ?? []) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version?: unknown };
      if (typeof manifest.version === 'string') return manifest.version;
    } catch {
      continue;
    }
  }
  return undefined;
}

const requireFrom = (cwd: string): NodeJS.Require => createRequire(join(resolve(cwd), 'package.json'));
