// UTF-8 has no form for half a surrogate pair that stands alone: each would become the same U+FFFD, and names that
// differ would be one in a store. They take the three bytes that UTF-8 would have if it did (WTF-8,
// https://simonsapin.github.io/wtf-8/).

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

/** The bytes of a name, always as bytes. */
export function bufferOf(name: string): Buffer {
  const bytes = bytesOf(name);
  return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
}
