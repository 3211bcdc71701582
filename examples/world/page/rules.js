import { counted, h, number } from '/page/dom.js';
import { placesOf } from '/page/json-places.js';
import { load, send } from '/page/server.js';

/** The editor of rules: what is wrong is marked while somebody types, and a trace shows how a place comes to its value. */

const TITLES = { isTradeHub: 'Is a trade hub', standing: 'Standing', income: 'Income' };
const PAUSE_MS = 250;
const WIDTH = 46;

/** JSON with what fits a line on one. */
function spread(value, margin = '') {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || margin.length + line.length <= WIDTH) return line;
  const deeper = `${margin}  `;
  const [opening, closing, parts] = Array.isArray(value)
    ? ['[', ']', value.map((part) => spread(part, deeper))]
    : ['{', '}', Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}: ${spread(part, deeper)}`)];
  return `${opening}\n${parts.map((part) => deeper + part).join(',\n')}\n${margin}${closing}`;
}

export function createRules(panel, { branch, place, open, saved, say }) {
  const find = (name) => panel.querySelector(`[data-test='${name}']`);
  const [select, code, marks, problems, result, trace, save] = [
    ...['rule-field', 'rule-code', 'rule-marks', 'rule-problems', 'rule-result', 'rule-trace', 'rule-save'],
  ].map(find);
  let rules = [];
  let tried = 0;
  let timer;

  const chosen = () => rules.find(({ field }) => field === select.value);
  const written = () => {
    try {
      return { ...chosen(), expression: JSON.parse(code.value) };
    } catch (error) {
      return { fault: error.message };
    }
  };

  async function show() {
    ({ rules } = await load(`/rules?branch=${encodeURIComponent(branch())}`));
    const before = select.value;
    select.replaceChildren(...rules.map(({ field }) => h('option', { value: field }, TITLES[field] ?? field)));
    if (rules.some(({ field }) => field === before)) select.value = before;
    choose();
  }

  function choose() {
    const { description, expression } = chosen();
    find('rule-what').textContent = description ?? '';
    code.value = spread(expression);
    result.replaceChildren();
    void attempt();
  }

  /** Marks the part of the text that a pointer names. */
  function mark(pointer) {
    const text = code.value;
    let place;
    try {
      place = pointer === undefined ? undefined : placesOf(text)[pointer];
    } catch {
      // No JSON: there is no part to mark.
    }
    const [from, to] = place ?? [text.length, text.length];
    marks.replaceChildren(text.slice(0, from), h('mark', {}, text.slice(from, to)), `${text.slice(to)}\n`);
    marks.scrollTop = code.scrollTop;
  }

  function wrong(list) {
    save.disabled = list.length > 0;
    code.setAttribute('aria-invalid', String(list.length > 0));
    problems.replaceChildren(
      ...list.map(({ code: name, message, pointer }) =>
        h(
          'li',
          { 'data-test': 'rule-problem' },
          h('button', { class: 'link', type: 'button', onclick: () => point(pointer) }, pointer || 'the whole rule'),
          h('span', {}, `${message} (${name})`),
        ),
      ),
    );
    mark(list[0]?.pointer);
  }

  function point(pointer) {
    const [from, to] = placesOf(code.value)[pointer] ?? [0, code.value.length];
    code.focus();
    code.setSelectionRange(from, to);
  }

  async function attempt() {
    const mine = ++tried;
    const rule = written();
    if ('fault' in rule) {
      wrong([{ code: 'JSON', message: rule.fault, pointer: '' }]);
      trace.replaceChildren();
      return;
    }
    const { id, name } = place();
    const answer = await send('/rules/try', { branch: branch(), rule, settlement: id }).catch(({ code, message }) => ({
      problems: [{ code: code ?? 'no answer', message, pointer: '' }],
    }));
    if (mine !== tried) return;
    wrong(answer.problems);
    if (answer.problems.length > 0) {
      trace.replaceChildren();
      return;
    }
    const others = answer.affected.filter((field) => field !== rule.field).map((field) => TITLES[field] ?? field);
    trace.replaceChildren(
      h('h3', {}, `How ${name} comes to it`),
      h(
        'p',
        { 'data-test': 'rule-value' },
        h('b', {}, answer.error ?? JSON.stringify(answer.value)),
        answer.steps === undefined || answer.steps === 0 ? '' : ` in ${counted(answer.steps, 'step')}`,
        others.length > 0 ? ` · ${others.join(', ')} may follow` : '',
      ),
      answer.trace === undefined ? '' : h('ul', { class: 'nodes' }, node(answer.trace, answer.trace.taken)),
    );
  }

  /** One evaluation; a click marks it in the text. */
  function node({ pointer, operator, value, error, taken, hidden, children }, chosenBranch) {
    return h(
      'li',
      { class: chosenBranch === pointer ? 'taken' : '', 'data-test': 'rule-node' },
      h(
        'button',
        { class: 'link', type: 'button', title: 'Show it in the rule', onclick: () => mark(pointer) },
        operator ?? 'value',
      ),
      h('code', { class: error === undefined ? '' : 'fault' }, error ?? value ?? ''),
      children.length === 0
        ? null
        : h(
            'ul',
            {},
            children.map((child) => node(child, taken)),
          ),
      hidden ? h('p', { class: 'soft' }, `… and ${number(hidden)} more`) : null,
    );
  }

  async function store() {
    save.disabled = true;
    try {
      const { rule, changed, of, tookMs, samples } = await send('/rules', { branch: branch(), rule: written() });
      rules = rules.map((one) => (one.id === rule.id ? rule : one));
      result.replaceChildren(
        h(
          'p',
          {},
          h('b', {}, `${number(changed)} of ${number(of)} places`),
          ` have another value now, found in ${tookMs} ms.`,
        ),
        h('ul', { class: 'rows' }, samples.map(sample)),
      );
      say(`Saved. ${changed} places have another value now.`);
      await saved();
      await attempt();
    } catch (error) {
      result.replaceChildren(h('p', { class: 'fault' }, error.message));
      if (error.code === 'RULE_CONFLICT') await show();
    }
    save.disabled = false;
  }

  const sample = ({ id, name, field, before, after }) =>
    h(
      'li',
      {},
      h('button', { class: 'link', type: 'button', onclick: () => open(id) }, name),
      h('span', {}, `${TITLES[field] ?? field}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`),
    );

  select.addEventListener('change', choose);
  code.addEventListener('input', () => {
    mark();
    clearTimeout(timer);
    timer = setTimeout(() => void attempt(), PAUSE_MS);
  });
  code.addEventListener('scroll', () => {
    marks.scrollTop = code.scrollTop;
    marks.scrollLeft = code.scrollLeft;
  });
  save.addEventListener('click', () => void store());
  panel.querySelector('.close').addEventListener('click', () => toggle(false));

  function toggle(isOpen = panel.hidden) {
    panel.hidden = !isOpen;
    document.body.classList.toggle('ruling', isOpen);
    if (isOpen) void show().then(() => select.focus());
  }

  return {
    toggle,
    /** Another place is open: the trace is of that one. */
    placed: () => {
      if (!panel.hidden) void attempt();
    },
    get isOpen() {
      return !panel.hidden;
    },
  };
}
