import { h } from '/page/dom.js';
import { ask } from '/page/server.js';

const SEARCH = `query Search($text: String!, $branch: String) {
  search(text: $text, branch: $branch) { type id name where }
}`;
const SETTLEMENT_OF = {
  structure: `query Of($id: ID!, $branch: String) { structure(id: $id, branch: $branch) { settlement { id } } }`,
  kingdom: `query Of($id: ID!, $branch: String) { kingdom(id: $id, branch: $branch) { settlements(limit: 1) { id } } }`,
  campaign: `query Of($id: ID!, $branch: String) {
    campaign(id: $id, branch: $branch) { kingdoms { settlements(limit: 1) { id } } }
  }`,
};

/** The field and its list, as a combobox: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ */
export function createSearch({ form, input, list }, { branch, open, say }) {
  let found = [];
  let selected = -1;
  let asked = 0;
  let searching = Promise.resolve();

  input.addEventListener('input', () => (searching = search()));
  async function search() {
    const text = input.value.trim();
    const mine = ++asked;
    const answer = text === '' ? [] : (await ask(SEARCH, { text, branch: branch() })).search;
    if (mine !== asked) return;
    found = answer;
    say(text === '' ? '' : `${found.length} found`);
    show(text);
  }

  function show(text) {
    const isOpen = text !== '';
    list.hidden = !isOpen;
    input.setAttribute('aria-expanded', String(isOpen));
    list.replaceChildren(
      ...found.map((hit, i) =>
        h(
          'li',
          {
            ...{ id: `hit-${i}`, role: 'option', 'data-test': 'hit' },
            onmousedown: (event) => {
              event.preventDefault();
              void take(hit);
            },
          },
          h('span', {}, ...marked(hit.name, text)),
          h('small', {}, hit.where),
        ),
      ),
    );
    if (isOpen && found.length === 0) list.append(h('li', { class: 'none' }, `No place is called “${text}”.`));
    select(found.length > 0 ? 0 : -1);
  }

  function select(index) {
    selected = index;
    for (const [i, item] of [...list.querySelectorAll('[role=option]')].entries()) {
      item.setAttribute('aria-selected', String(i === index));
      if (i === index) item.scrollIntoView({ block: 'nearest' });
    }
    if (index >= 0) input.setAttribute('aria-activedescendant', `hit-${index}`);
    else input.removeAttribute('aria-activedescendant');
  }

  function clear() {
    asked++;
    found = [];
    input.value = '';
    show('');
  }

  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (found.length > 0) select((selected + step + found.length) % found.length);
    } else if (event.key === 'Escape') clear();
  });
  input.addEventListener('blur', () => (list.hidden = true));
  input.addEventListener('focus', () => (list.hidden = input.value.trim() === ''));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    await searching; // what is shown may still answer the text before
    if (found[selected] !== undefined) void take(found[selected]);
  });

  async function take({ type, id }) {
    clear();
    if (type === 'settlement') return open(id);
    const { structure, kingdom, campaign } = await ask(SETTLEMENT_OF[type], { id, branch: branch() });
    const [first] = kingdom?.settlements ?? campaign?.kingdoms.flatMap(({ settlements }) => settlements) ?? [];
    const settlement = structure?.settlement ?? first;
    if (settlement !== undefined) await open(settlement.id);
  }
}

/** The name with the part that was typed in bold, where it is there letter by letter. */
function marked(name, text) {
  const at = name.toLowerCase().indexOf(text.toLowerCase());
  if (at === -1) return [name];
  return [name.slice(0, at), h('b', {}, name.slice(at, at + text.length)), name.slice(at + text.length)];
}
