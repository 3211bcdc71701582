/** A name as the hash tag of a key, which clients handle as text: never empty, without braces, well formed, and different for different names. */
export function tagOf(name: string): string {
  return `{:${name.replace(/[~{}\uD800-\uDFFF]/gu, (one) => `~${one.charCodeAt(0).toString(16)}`)}}`;
}

/** Inverse of {@link tagOf}. */
export function nameOf(tag: string): string {
  return tag
    .slice(2, -1)
    .replace(/~(7[bde]|d[89a-f][0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
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
