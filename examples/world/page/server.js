/** What the page asks of its server. */

export class Refusal extends Error {
  constructor({ message, extensions }) {
    super(message);
    this.code = extensions?.code;
  }
}

export async function ask(query, variables = {}) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer cartographer' },
    body: JSON.stringify({ query, variables }),
  });
  // Of several replicas of this server, the one that answered.
  const replica = response.headers.get('x-replica');
  if (replica !== null) document.querySelector('header').dataset.replica = replica;
  const { data, errors } = await response.json();
  if (errors?.length > 0) throw new Refusal(errors[0]);
  return data;
}

/** Posts to one of the server's own paths. */
export async function send(path, body) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer cartographer' },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Refusal({ message: answer.error.message, extensions: { code: answer.error.code } });
  return answer;
}

export async function load(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}
