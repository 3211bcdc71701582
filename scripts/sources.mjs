// `node --import ./scripts/sources.mjs …` takes 'tidemark' and its subpaths from src/, without a build.
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const SRC = new URL('../src/', import.meta.url);

registerHooks({
  resolve: (specifier, context, next) => {
    const [, subpath] = /^tidemark(?:\/(.+))?$/.exec(specifier) ?? [null];
    if (subpath !== undefined || specifier === 'tidemark') return next(sourceOf(subpath).href, context);
    // The sources name each other as they will be called when compiled.
    const isOwn = context.parentURL?.startsWith(SRC.href) && specifier.startsWith('.');
    return next(isOwn ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
  load: (url, context, next) => {
    if (!url.startsWith(SRC.href) || !url.endsWith('?raw')) return next(url, context);
    const text = readFileSync(new URL(url.replace(/\?raw$/, '')), 'utf8');
    return { format: 'module', source: `export default ${JSON.stringify(text)};`, shortCircuit: true };
  },
});

function sourceOf(subpath) {
  const places =
    subpath === undefined ? ['index.ts'] : ['', 'adapters/', 'hosts/'].map((folder) => `${folder}${subpath}/index.ts`);
  return places.map((place) => new URL(place, SRC)).find((url) => existsSync(url));
}
