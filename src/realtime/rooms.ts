import type { Room } from '../realtime-verbs.js';
import { escapePart, idText, unescapePart } from '../subject.js';

/**
 * The name of the room of an entity, such as `campaign:123`. A `:` or another sign of patterns in a part is escaped, so that
 * no two entities share a room. Throws BLANK_ID for a blank type or id.
 *
 * @example
 * roomName('settlement', '7'); // 'settlement:7'
 */
export function roomName(type: string, id: string | number | bigint): string {
  return [idText(type, 'type of a room'), idText(id, 'id of a room')].map(escapePart).join(':');
}

/** The inverse of {@link roomName}; null for what is no name of a room. */
export function parseRoomName(name: string): Room | null {
  const [type, id, ...more] = typeof name === 'string' ? name.split(':').map(unescapePart) : [];
  return more.length === 0 && isNamed(type) && isNamed(id) ? { type, id } : null;
}

const isNamed = (text: string | null | undefined): text is string => typeof text === 'string' && text.trim() !== '';
