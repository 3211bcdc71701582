import { button, counted, duration, h } from './dom.js';

/** Subjects, reasons and changes in words. */

/** The parts of a subject or a key, unescaped. */
export function partsOf(text) {
  return text.split(':').map((part) => {
    try {
      return part.replace(/%u([0-9A-F]{4})|%([0-9A-F]{2})/g, (_, wide, narrow) =>
        String.fromCharCode(parseInt(wide ?? narrow, 16)),
      );
    } catch {
      return part;
    }
  });
}

const KINDS = {
  entity: ([type, id]) => `${type} ${id} changed`,
  list: ([type, parent, id]) => `the list of ${type} in ${parent} ${id}`,
  below: ([type, id]) => `what hangs under ${type} ${id}`,
  removals: ([type]) => `some ${type} went or came back with what is above it`,
  placement: ([type]) => `some ${type} moved, and nobody said from where to where`,
  all: ([type]) => `every ${type}`,
  type: ([type]) => `something of type ${type}`,
  cell: ([type, cell]) => `${type} in cell ${cell} of the map`,
  under: ([type, cell]) => `${type} beneath cell ${cell} of the map`,
  placed: ([type, id]) => `where ${type} ${id} lies`,
  branch: ([branch]) => `the branch ${branch}`,
  link: ([branch, parent]) => `that ${branch} inherits from ${parent}`,
  rules: ([type, scope]) => `the rules of ${type}, ${scope}`,
  key: ([key]) => `the key ${key}`,
  patterns: () => 'a deletion by pattern',
};

/** What a subject is, for people. */
export function subjectWords(subject) {
  const [kind, ...names] = partsOf(subject);
  return KINDS[kind]?.(names) ?? subject;
}

/** Why a read was not answered from tier 1. */
export function reasonWords(why) {
  switch (why.kind) {
    case 'absent':
      return 'nothing was held: never loaded here, evicted or deleted';
    case 'changed':
      return `changed: ${listed(why.marks.map(subjectWords))}`;
    case 'forgotten':
      return `${counted(why.marks.length, 'mark')} of it not known any more`;
    case 'deleted':
      return 'deleted by a pattern';
    case 'expired':
      return `expired, ${duration(why.ageMs)} after it was loaded`;
    case 'unconfirmed':
      return 'its marks had not been confirmed for too long';
    case 'demanded':
      return 'the reader asked for a newer one';
    default:
      return why.kind;
  }
}

export const FROM = { load: 'the origin', tier1: 'tier 1, its marks asked for anew', tier2: 'tier 2' };

function listed(texts) {
  const shown = texts.slice(0, 3).join('; ');
  return texts.length > 3 ? `${shown}; and ${texts.length - 3} more` : shown;
}

/** A change in a line. */
export function changeWords({ changed, own }) {
  const [first, ...rest] = changed;
  if (first === undefined) return 'marks of a change';
  const what =
    first.id === null ? `everything of ${first.type || `branch ${first.branch}`}` : `${first.type} ${first.id}`;
  const op = first.op ?? 'changed';
  const fields = first.fields?.length > 0 ? ` (${first.fields.slice(0, 5).join(', ')})` : '';
  const by = first.by === null ? '' : ` by ${first.by}`;
  const more = rest.length > 0 ? `, and ${rest.length} more` : '';
  return `${op} ${what}${fields}${more}${by}${own ? '' : ' on another replica'}`;
}

/** A key that leads to its story. */
export const keyLink = (key, go) =>
  button(key, () => go('entry', { key }), { class: 'link key', 'data-key': key, title: 'Its story' });

/** A change that leads to what it did. */
export const changeLink = (changeId, go, text = 'what it did') =>
  button(text, () => go('changes', { change: changeId }), { class: 'link', 'data-change': changeId });

export const subjectItem = (subject, attributes = {}) =>
  h('span', { ...attributes, title: subject }, subjectWords(subject));
