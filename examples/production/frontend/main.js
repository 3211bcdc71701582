import { createClient } from '/tidemark/client.js';

const [token, status, list] = ['token', 'status', 'list'].map((id) => document.getElementById(id));
token.value = localStorage.getItem('token') ?? '';
token.addEventListener('change', () => {
  localStorage.setItem('token', token.value);
  location.reload();
});

async function show() {
  const headers = { authorization: `Bearer ${token.value}` };
  const response = await fetch('/api/kingdoms/north/settlements', { headers });
  const settlements = response.ok ? await response.json() : [];
  list.replaceChildren(
    ...settlements.map(({ name, level }) => {
      const item = document.createElement('li');
      item.textContent = `${name}, level ${level}`;
      return item;
    }),
  );
}

if (token.value !== '') {
  const url = new URL('/live', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = createClient({ url: url.href, token: () => token.value });
  client.onState((state) => {
    status.textContent = state.status;
  });
  client.subscribe({ type: 'settlement', parent: { kingdom: 'north' } }, ({ kind }) => {
    if (['subscribed', 'change', 'resync'].includes(kind)) void show();
  });
}
