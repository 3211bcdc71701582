// UTF-8 has no form for half a surrogate pair that stands alone: each would become the same U+FFFD, and names that
// differ would share a key. Keys and ids take the three bytes that UTF-8 would have if it did (WTF-8,
// https://simonsapin.github.io/wtf-8/); channel names, which clients handle as text, an escape.

const LONE = /[\uD800-\uDFFF]/u;

/** Whether a text has bytes of its own in UTF-8. */
export const isWellFormed = (text: string): boolean => !LONE.test(text);

/** The bytes of a name; equal for equal names only. Text where that has the same bytes. */
export function bytesOf(name: string): string | Buffer {
  if (isWellFormed(name)) return name;
  const parts: Buffer[] = [];
  for (const character of name) {
    const code = character.charCodeAt(0);
    parts.push(
      LONE.test(character)
        ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
        : Buffer.from(character),
    );
  }
  return Buffer.concat(parts);
}

/** The name that {@link bytesOf} gave these bytes. */
export function nameOf(bytes: Buffer): string {
  let name = '';
  let done = 0;
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    const [second = 0, third = 0] = [bytes[at + 1], bytes[at + 2]];
    if (second < 0xa0 || second > 0xbf) continue;
    name += bytes.toString('utf8', done, at) + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    done = at + 3;
  }
  return name + bytes.toString('utf8', done);
}

/** A name as the hash tag of a key: never empty, without braces, well formed, and different for different names. */
export function tagOf(name: string): string {
  return `{:${name.replace(/[~{}\uD800-\uDFFF]/gu, (one) => `~${one.charCodeAt(0).toString(16)}`)}}`;
}

const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
  return crc;
});

/** The slot of a key in a cluster: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model */
export function slotOf(key: string | Buffer): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  const open = bytes.indexOf('{');
  const close = open < 0 ? -1 : bytes.indexOf('}', open + 1);
  let crc = 0;
  for (const byte of close > open + 1 ? bytes.subarray(open + 1, close) : bytes) {
    crc = ((crc << 8) ^ (CRC16[((crc >> 8) ^ byte) & 0xff] as number)) & 0xffff;
  }
  return crc % 16384;
}
