/** What the map looks like. */

export const COLOURS = {
  light: { sea: '#d5e3e6', land: '#f6f2e9', border: '#c9bfad', city: '#0b6e83', label: '#23303a', own: '#8a5300' },
  dark: { sea: '#0d151a', land: '#1c2830', border: '#3a4b56', city: '#5cc3d8', label: '#e8e4da', own: '#f2b85c' },
};

const byZoom = (...stops) => ['interpolate', ['linear'], ['zoom'], ...stops];
const name = {
  'text-field': ['get', 'name'],
  'text-size': byZoom(2, 11.5, 9, 14),
  'text-anchor': 'top',
  'symbol-sort-key': ['get', 'rank'],
};

/** From bottom to top. The dots of all settlements are drawn between `borders` and `own`. */
export const LAYERS = [
  { id: 'sea', type: 'background' },
  { id: 'land', type: 'fill', source: 'countries', paint: { 'fill-antialias': false } },
  { id: 'borders', type: 'line', source: 'countries', paint: { 'line-width': byZoom(1, 0.5, 8, 1.4) } },
  {
    id: 'own',
    type: 'circle',
    source: 'own',
    paint: { 'circle-radius': byZoom(1, 3.5, 8, 7), 'circle-opacity': 0, 'circle-stroke-width': 1.6 },
  },
  {
    id: 'structures',
    type: 'circle',
    source: 'structures',
    paint: { 'circle-radius': 4, 'circle-stroke-width': 2 },
  },
  {
    id: 'names',
    type: 'symbol',
    source: 'names',
    filter: ['>=', ['get', 'rank'], 0],
    layout: { ...name, 'text-offset': [0, 0.5], 'text-padding': 6 },
  },
  {
    id: 'codes',
    type: 'symbol',
    source: 'structures',
    layout: { ...name, 'text-anchor': 'left', 'text-offset': [1.1, 0] },
  },
  {
    id: 'open',
    type: 'symbol',
    source: 'names',
    filter: ['<', ['get', 'rank'], 0],
    layout: { ...name, 'text-offset': [0, 1.15], 'text-allow-overlap': true },
  },
];

/** What of which layer has which colour. */
export function painted({ sea, land, border, city, label, own }) {
  const text = { 'text-color': label, 'text-halo-color': land, 'text-halo-width': 1.4 };
  return {
    sea: { 'background-color': sea },
    land: { 'fill-color': land },
    borders: { 'line-color': border },
    own: { 'circle-stroke-color': own },
    structures: { 'circle-color': land, 'circle-stroke-color': city },
    codes: text,
    names: text,
    open: text,
  };
}
