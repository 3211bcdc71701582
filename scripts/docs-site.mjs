import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { Converter, KindRouter, ReflectionKind } from 'typedoc';
import { flowchart } from './flowchart.mjs';

// TypeDoc's plugin for the site: README's "Documentation" says which pages there are, in which groups and order.

const ROOT = new URL('../', import.meta.url);
const REFERENCE = 'Reference';

/** @returns {{ group: string, name: string, path: string }[]} the pages that the README lists, in its order */
export function pagesOf(/** @type {string} */ readme) {
  const [, section = ''] = readme.split('## Documentation\n');
  return section.split(/^- \*\*/m).flatMap((item, at) => {
    const [group = '', links = ''] = at === 0 ? [] : item.split(':** ');
    return [...links.matchAll(/\[([^\]]+)\]\(([^)]+\.md)\)/g)].map(([, name = '', path = '']) => ({
      group,
      name: name.charAt(0).toUpperCase() + name.slice(1),
      path,
    }));
  });
}

/** `src/hosts/ws/index.ts` is imported as `tidemark/ws`. */
const importedAs = (/** @type {string} */ module) =>
  module === 'index' ? 'tidemark' : `tidemark/${module.replace(/^(adapters|hosts)\//, '')}`;

/** @param {import('typedoc').Application} app */
export function load(app) {
  const pages = pagesOf(readFileSync(new URL('README.md', ROOT), 'utf8'));
  const groups = [...new Set(pages.map(({ group }) => group)), REFERENCE];
  /** @type {Map<import('typedoc').Reflection, { group: string, name: string, path: string }>} */
  const listed = new Map();

  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const file = document.project.files.getReflectionPath(document) ?? '';
    const path = relative(ROOT.pathname, file);
    const page = pages.find((one) => one.path === path);
    if (page === undefined) return app.logger.error(`${path}: the README's "Documentation" does not list it`);
    listed.set(document, page);
    document.name = page.name;
    document.frontmatter['group'] = page.group;
    /** @type {any} */ (document).relevanceBoost = 8; // a guide's long text must not rank below every name that has the word
  });

  app.converter.on(
    Converter.EVENT_RESOLVE_BEGIN,
    ({ project }) => {
      const found = new Set([...listed.values()].map(({ path }) => path));
      for (const { path } of pages)
        if (!found.has(path)) app.logger.error(`README.md lists ${path}, which typedoc.json does not take in`);
      for (const module of project.children ?? []) module.name = importedAs(module.name);
    },
    1000,
  );

  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => {
      for (const part of project.readme ?? [])
        part.text = part.text.replace(/^```mermaid\n([\s\S]*?)^```$/gm, (_, text) => flowchart(text));
      const place = (/** @type {import('typedoc').Reflection} */ one) =>
        pages.indexOf(/** @type {any} */ (listed.get(one)));
      for (const group of project.groups ?? []) {
        if (group.title === ReflectionKind.pluralString(ReflectionKind.Module)) group.title = REFERENCE;
        group.children.sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1));
      }
      project.groups?.sort((a, b) => groups.indexOf(a.title) - groups.indexOf(b.title));
    },
    -10_000, // once the groups are made
  );

  app.renderer.defineRouter(
    'site',
    class extends KindRouter {
      /** Guides lie where their files lie, so that a link to one outlives a change of its title. */
      getIdealBaseName(/** @type {import('typedoc').Reflection} */ reflection) {
        const path = listed.get(reflection)?.path;
        if (path === undefined) return super.getIdealBaseName(reflection);
        const plain = path.replace(/\.md$/, '').replace(/^docs\//, '');
        return basename(plain) === 'README' ? plain.replace(/\/README$/, '') : plain;
      }
    },
  );
}
