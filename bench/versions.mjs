import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** The installed versions of packages, as 'name version'. */
export function versionsOf(names) {
  return names.map((name) => {
    const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
  });
}

/** What a figure depends on; nothing that names the machine. */
export function machine() {
  const all = cpus();
  return `${all.length} × ${(all[0]?.model ?? 'unknown processor').trim()}, Node ${process.version} (V8 ${process.versions.v8})`;
}
