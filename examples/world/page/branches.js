import { counted, h } from '/page/dom.js';
import { ask } from '/page/server.js';

const BRANCHES =
  '{ branches { id title parent overrides own(limit: 200) { type id name what settlementId lon lat } } }';
const MOST_LISTED = 30;

/** The choice of a branch, and what the chosen one inherits and has of its own. */
export function createBranches({ select, card }, { open, showOwn }) {
  return {
    /** Again after every change: a branch may have got a row of its own. Resolves to the branch: the first, if there is no such. */
    async show(wanted) {
      const { branches } = await ask(BRANCHES);
      const { id: chosen, title, parent, overrides, own } = branches.find(({ id }) => id === wanted) ?? branches[0];
      select.replaceChildren(
        ...branches.map(({ id, title }) => h('option', { value: id, selected: id === chosen }, title)),
      );
      const above = branches.find(({ id }) => id === parent);
      showOwn(own);
      card.hidden = above === undefined;
      if (above === undefined) return chosen;
      const isOpen = card.open;
      card.replaceChildren(
        h('summary', {}, h('b', {}, counted(overrides, 'row')), ' of its own, all others inherited'),
        h('p', { class: 'soft' }, `“${title}” shows every row of “${above.title}” that it has not changed.`),
        h('ul', { class: 'rows' }, own.slice(0, MOST_LISTED).map(item)),
        overrides > MOST_LISTED
          ? h('p', { class: 'soft' }, `… and ${counted(overrides - MOST_LISTED, 'more row')}`)
          : '',
      );
      card.open = isOpen;
      return chosen;
    },
  };

  function item({ name, what, settlementId }) {
    const text =
      settlementId === null
        ? h('span', {}, name)
        : h('button', { class: 'link', type: 'button', onclick: () => open(settlementId) }, name);
    return h('li', { 'data-test': 'own-row' }, text, h('span', {}, what));
  }
}
