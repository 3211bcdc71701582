/** Where the parts of a JSON text are, by JSON Pointer: `{ '': [0, 42], '/and/0': [9, 30], … }`. Throws for what is no JSON. */
export function placesOf(text) {
  JSON.parse(text);
  const places = {};
  let at = 0;
  const blank = () => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const string = () => {
    const from = at++;
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    at++;
    return JSON.parse(text.slice(from, at));
  };
  const members = (close, member) => {
    at++;
    for (blank(); text[at] !== close; blank()) {
      member();
      blank();
      if (text[at] === ',') at++;
    }
    at++;
  };
  const value = (pointer) => {
    blank();
    const from = at;
    if (text[at] === '{') {
      members('}', () => {
        blank();
        const key = string();
        blank();
        at++; // the colon
        value(`${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
      });
    } else if (text[at] === '[') {
      let i = 0;
      members(']', () => value(`${pointer}/${i++}`));
    } else if (text[at] === '"') string();
    else while (/[^\s,\]}]/.test(text[at] ?? ' ')) at++;
    places[pointer] = [from, at];
  };
  value('');
  return places;
}
