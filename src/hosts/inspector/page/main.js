import { createChanges } from './changes.js';
import { button } from './dom.js';
import { createLive } from './live.js';
import { createMap } from './map.js';
import { createReplicas } from './replicas.js';
import { createRules } from './rules.js';
import { follow } from './server.js';
import { createStory } from './story.js';
import { createTiers } from './tiers.js';
import { createTouch } from './touch.js';

const find = (selector) => document.querySelector(selector);

// ── Where one is: '#entry?type=settlement&id=s1' ────────────────────────────────────────────────────────────────

const go = (name, parameters = {}) => {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
  const hash = `#${name}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`;
  if (location.hash === hash) show();
  else location.hash = hash;
};

/** What is wrong with any replica, wherever one is. */
const alarm = (text) => {
  const element = find('#alarm');
  element.hidden = text === null;
  if (text !== null && element.dataset.text !== text) {
    element.replaceChildren(
      text,
      button('Show replicas', () => go('replicas'), { class: 'link' }),
    );
    element.dataset.text = text;
  }
};

const context = { go, alarm };
const TABS = {
  tiers: ['Tiers', createTiers(context)],
  changes: ['Changes', createChanges(context)],
  entry: ['Entry', createStory(context)],
  touch: ['What if', createTouch(context)],
  rules: ['Rules', createRules(context)],
  live: ['Live', createLive(context)],
  map: ['Map', createMap(context)],
  replicas: ['Replicas', createReplicas(context)],
};
const names = Object.keys(TABS);
let open = false;

for (const [name, [title, { element }]] of Object.entries(TABS)) {
  element.id = `panel-${name}`;
  element.hidden = true;
  for (const [key, value] of Object.entries({ role: 'tabpanel', 'aria-labelledby': `tab-${name}` }))
    element.setAttribute(key, value);
  find('#main').append(element);
  find('#tabs').append(
    button(title, () => go(name), {
      id: `tab-${name}`,
      role: 'tab',
      'aria-controls': `panel-${name}`,
      'data-tab': name,
    }),
  );
}

find('#tabs').addEventListener('keydown', (event) => {
  const at = names.indexOf(document.activeElement?.dataset.tab);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  const name = names[(to + names.length) % names.length];
  go(name);
  find(`#tab-${name}`).focus();
});

function show() {
  const [asked = '', query = ''] = location.hash.slice(1).split('?');
  const name = Object.hasOwn(TABS, asked) ? asked : 'tiers';
  for (const [each, [, { element }]] of Object.entries(TABS)) {
    const selected = each === name;
    element.hidden = !selected;
    const tab = find(`#tab-${each}`);
    tab.setAttribute('aria-selected', String(selected));
    tab.tabIndex = selected ? 0 : -1;
    if (selected) tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
  document.title = `${TABS[name][0]} · Inspector`;
  if (open) TABS[name][1].shown?.(Object.fromEntries(new URLSearchParams(query)));
}
addEventListener('hashchange', show);
show();

// ── What is told ────────────────────────────────────────────────────────────────────────────────────────────────

const tell = (event) => (data) => {
  for (const [, panel] of Object.values(TABS)) panel[event]?.(data);
};
follow(
  {
    hello: (data) => {
      open = true;
      tell('hello')(data);
      document.body.dataset.ready = 'true';
      show();
    },
    sample: tell('sample'),
    changes: tell('changes'),
    notes: tell('notes'),
    replicas: (roll) => {
      const own = roll.replicas.find((one) => one.own);
      find('#replica').textContent = own === undefined ? '' : `replica ${own.id}`;
      tell('replicas')(roll);
    },
  },
  (state) => {
    document.body.dataset.live = state;
    find('#live').textContent = state;
  },
);
