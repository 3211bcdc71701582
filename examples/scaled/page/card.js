import { h, number } from '/scaled/dom.js';
import { drawPlot } from '/scaled/plot.js';

/** One replica: how it fares, what it answers over time, and what can be done to it. */
export function createCard(id, act) {
  const pill = h('span', { class: 'pill', 'data-test': `state-${id}` });
  const said = h('p', { class: 'said', 'data-test': `said-${id}` });
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('role', 'img');
  const inspect = h('a', { target: '_blank', rel: 'noopener', 'data-test': `inspect-${id}` }, 'Inspect ↗');
  const figures = h('dl', {});
  const trust = h('p', { class: 'soft trust' });
  const button = (name) => {
    const made = h('button', { type: 'button', 'data-test': `${name}-${id}` });
    made.addEventListener('click', () => void act({ do: made.dataset.do, replica: id }));
    return made;
  };
  const edit = button('edit');
  const buttons = { bus: button('bus'), client: button('client'), pause: button('pause'), life: button('life') };
  const element = h(
    'article',
    { class: 'card replica', 'data-replica': id, 'aria-label': `Replica ${id}` },
    h('div', { class: 'title' }, h('h2', {}, `Replica ${id}`), inspect, pill),
    h('div', { class: 'title' }, said, edit),
    svg,
    figures,
    trust,
    h('div', { class: 'buttons' }, Object.values(buttons)),
  );

  return {
    element,
    show: (replica, { samples, faults, boundMs }) => {
      const at = id - 1;
      const mine = faults.filter((fault) => fault.replica === undefined || fault.replica === id);
      const worstMs = Math.max(0, ...samples.map(({ answers }) => answers[at]?.staleMs ?? 0));
      const [state, is] = stateOf(replica);
      set(pill, state, is);
      inspect.hidden = replica.port === null;
      inspect.href = `http://localhost:${replica.port}/inspector`;
      inspect.setAttribute('aria-label', `Inspect replica ${id}`);
      set(said, ...saidOf(samples.at(-1), at));
      svg.setAttribute('aria-label', `Of late at most ${seconds(worstMs)} behind; the bound is ${seconds(boundMs)}`);
      drawPlot(svg, { samples, at, faults: mine, boundMs });
      showFigures(figures, replica.figures, worstMs);
      set(trust, ...trustOf(replica, boundMs));
      showButtons({ edit, ...buttons }, replica, id);
    },
  };
}

function set(element, text, is) {
  if (element.textContent !== text) element.textContent = text;
  element.dataset.is = is;
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function stateOf({ state, health, figures, cut }) {
  if (state === 'down') return ['killed', 'bad'];
  if (state === 'starting') return ['starting …', 'odd'];
  if (state === 'paused') return ['paused', 'bad'];
  if (health === 'silent') return ['does not answer', 'bad'];
  if (health === 'unwell') return ['up, without Redis', 'odd'];
  if (cut.bus) return ['up, hears nothing', 'odd'];
  return figures?.doubted > 0 ? ['up, checking marks', 'odd'] : ['up', 'well'];
}

function saidOf(sample, at) {
  const answer = sample?.answers[at];
  if (answer === undefined || answer === null) return ['no answer', 'none'];
  if (answer.staleMs === 0) return [`version ${number(answer.version)}, current`, 'well'];
  return [`version ${number(answer.version)}, ${seconds(answer.staleMs)} behind`, 'bad'];
}

function showFigures(list, figures, worstMs) {
  const reads = (figures?.hits ?? 0) + (figures?.misses ?? 0);
  const shown = {
    'hit rate': reads === 0 ? '–' : `${Math.round((100 * figures.hits) / reads)} %`,
    'origin calls': number(figures?.originCalls ?? 0),
    gaps: number(figures?.gaps ?? 0),
    waiting: number(figures?.queued ?? 0),
    'most behind': seconds(worstMs),
  };
  if (list.childElementCount === 0)
    list.append(...Object.keys(shown).map((name) => h('div', {}, h('dt', {}, name), h('dd', {}))));
  Object.values(shown).forEach((text, i) => (list.children[i].lastElementChild.textContent = text));
}

function trustOf({ state, figures }, boundMs) {
  if (state === 'paused') return ['Stands still, and does not know it.', 'none'];
  if (figures === null) return ['Has nothing in memory.', 'none'];
  const { checkedAgoMs, doubted } = figures;
  if (checkedAgoMs === null) return ['Has not reached Redis yet.', 'bad'];
  if (checkedAgoMs > boundMs) return [`Not checked with Redis for ${seconds(checkedAgoMs)}: asks the database.`, 'bad'];
  if (doubted > 0) return ['May have missed a change: reads its marks again.', 'bad'];
  return [`Trusts its memory: checked with Redis ${seconds(checkedAgoMs)} ago.`, 'well'];
}

function showButtons({ edit, bus, client, pause, life }, { state, cut }, id) {
  const down = state === 'down' || state === 'starting';
  const name = (button, does, text, about, off = false) => {
    button.dataset.do = does;
    button.textContent = text;
    button.disabled = off;
    button.setAttribute('aria-label', `${about} ${id}`);
  };
  name(edit, 'edit', 'Edit here', 'Edit the city on replica', state !== 'up');
  if (cut.bus) name(bus, 'mend-bus', 'Mend bus', 'Mend the bus of replica');
  else name(bus, 'cut-bus', 'Cut bus', 'Cut the bus of replica');
  if (cut.client) name(client, 'mend-client', 'Mend client', 'Mend the client link of replica');
  else name(client, 'cut-client', 'Cut client', 'Cut the client link of replica');
  if (state === 'paused') name(pause, 'resume', 'Go on', 'Let go on replica');
  else name(pause, 'pause', 'Pause', 'Pause replica', down);
  if (state === 'starting') name(life, 'start', 'Starting …', 'Starting replica', true);
  else if (state === 'down') name(life, 'start', 'Start', 'Start replica');
  else name(life, 'kill', 'Kill', 'Kill replica');
  const amiss = { bus: cut.bus, client: cut.client, pause: state === 'paused', life: state === 'down' };
  for (const [key, button] of Object.entries({ bus, client, pause, life })) button.classList.toggle('main', amiss[key]);
}
