import assert from 'node:assert/strict';
import { deserialize, serialize } from 'node:v8';
import { typedJson } from 'tidemark';

const ROWS = 100;
const JSON_PLAIN = 'JSON';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const dated = Array.from({ length: ROWS }, (_, i) => ({
  id: `settlement-${i}`,
  kingdomId: `kingdom-${i % 10}`,
  name: `Settlement of number ${i}`,
  level: 1 + (i % 5),
  founded: new Date(1_600_000_000_000 + i * 86_400_000),
  visited: new Date(1_700_000_000_000 + i * 3_600_000),
}));
const plain = dated.map(({ founded, visited, ...row }) => ({
  ...row,
  founded: founded.getTime(),
  visited: visited.getTime(),
}));

const text = new TextDecoder();
const codecs = {
  [JSON_PLAIN]: {
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(text.decode(bytes)),
    losesDates: true,
  },
  'JSON with a reviver for dates': {
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) =>
      JSON.parse(text.decode(bytes), (_, value) =>
        typeof value === 'string' && value.length === 24 && ISO.test(value) ? new Date(value) : value,
      ),
  },
  'v8.serialize': { encode: serialize, decode: deserialize },
  typedJson: { encode: (value) => typedJson.encode(value), decode: (bytes) => typedJson.decode(bytes) },
};

const DECODE_DATED = `decode ${ROWS} rows with two dates each`;
const sizes = (value) =>
  Object.entries(codecs)
    .map(([name, { encode }]) => `${name} ${encode(value).length.toLocaleString('en')}`)
    .join(', ');

export default {
  title: 'Values as bytes for tier 2',
  question: 'What does it cost to keep dates as dates?',
  setting: `${ROWS} rows of six fields. Bytes with dates: ${sizes(dated)}. Without dates: ${sizes(plain)}. Plain JSON gives dates back as strings; the others give back what went in. superjson is not among the development dependencies and was left out.`,
  packages: [],
  goals: [
    {
      text: 'typedJson decodes rows with dates ≤ 1.5 × JSON, which loses them',
      limit: 1.5,
      actual: ({ ratio }) => ratio(DECODE_DATED, 'typedJson'),
    },
  ],
  groups: [
    group(DECODE_DATED, dated, decoding),
    group(`encode ${ROWS} rows with two dates each`, dated, encoding),
    group(`decode ${ROWS} rows without dates`, plain, decoding),
    group(`encode ${ROWS} rows without dates`, plain, encoding),
  ],
};

function group(title, value, making) {
  const cases = Object.entries(codecs).map(([name, codec]) => ({ name, make: () => making(codec, value) }));
  return { title, operation: `${ROWS} rows`, reference: JSON_PLAIN, cases };
}

function decoding({ encode, decode, losesDates }, value) {
  const bytes = encode(value);
  const expected = losesDates ? JSON.parse(JSON.stringify(value)) : value;
  return {
    run: (from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += decode(bytes).length;
      return sum;
    },
    verify: () => assert.deepEqual(decode(bytes), expected),
  };
}

function encoding({ encode, decode, losesDates }, value) {
  const expected = losesDates ? JSON.parse(JSON.stringify(value)) : value;
  return {
    run: (from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += encode(value).length > 0 ? 1 : 0;
      return sum;
    },
    verify: () => assert.deepEqual(decode(encode(value)), expected),
  };
}
