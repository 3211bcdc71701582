/** 128 random bits as 32 hex digits, from `random` (uniform in [0, 1)) or else from the operating system. */
export function randomId(random: (() => number) | undefined): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  if (random !== undefined) words.forEach((_, i) => (words[i] = random() * 2 ** 32));
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}
