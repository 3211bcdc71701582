import * as maplibre from '/vendor/maplibre-gl.js';
import { load } from '/page/server.js';

const COLOURS = {
  light: {
    sea: '#dbe6e8',
    land: '#f5f1e8',
    border: '#cdc4b3',
    city: '#0b6e83',
    label: '#23303a',
    halo: '#f7f4ee',
    flash: '#d9482b',
  },
  dark: {
    sea: '#0d151a',
    land: '#1c2830',
    border: '#35454f',
    city: '#5cc3d8',
    label: '#e8e4da',
    halo: '#11181d',
    flash: '#ffb199',
  },
};

/** The map: countries, every settlement, and a flash where something changed. */
export async function createMap(container, { theme, choose }) {
  if (document.createElement('canvas').getContext('webgl2') === null) throw new Error('this browser has no WebGL 2');
  const map = new maplibre.Map({
    container,
    center: [12, 30],
    zoom: 1.7,
    minZoom: 1,
    maxZoom: 12,
    attributionControl: false,
    dragRotate: false,
    fadeDuration: isStill() ? 0 : 300,
    style: { version: 8, sources: {}, layers: [] },
  });
  map.touchZoomRotate.disableRotation();
  await new Promise((resolve) => map.once('load', resolve));
  map.addSource('countries', { type: 'geojson', data: await load('/data/countries.json') });
  map.addSource('settlements', { type: 'geojson', data: empty(), maxzoom: 8, tolerance: 0, buffer: 32 });
  map.addSource('flash', { type: 'geojson', data: empty() });
  const byZoom = (...stops) => ['interpolate', ['linear'], ['zoom'], ...stops];
  const size = (factor) => [
    '*',
    factor,
    ['interpolate', ['linear'], ['ln', ['max', 1, ['get', 'population']]], 7, 0.7, 16, 3.2],
  ];
  for (const layer of [
    { id: 'sea', type: 'background' },
    { id: 'land', type: 'fill', source: 'countries' },
    { id: 'borders', type: 'line', source: 'countries', paint: { 'line-width': byZoom(1, 0.5, 8, 1.4) } },
    {
      id: 'cities',
      type: 'circle',
      source: 'settlements',
      filter: ['>=', ['get', 'population'], ['step', ['zoom'], 30_000, 3, 10_000, 4, 5_000, 5, 2_000, 6, 0]],
      paint: {
        'circle-radius': byZoom(1, size(0.45), 5, size(1), 10, size(2.6)),
        'circle-opacity': byZoom(1, 0.45, 6, 0.8),
      },
    },
    {
      id: 'names',
      type: 'symbol',
      source: 'settlements',
      filter: ['>=', ['get', 'population'], ['step', ['zoom'], 4_000_000, 3, 1_500_000, 5, 300_000, 7, 40_000, 9, 0]],
      layout: {
        'text-field': ['get', 'name'],
        'text-size': byZoom(2, 11, 9, 14),
        'text-offset': [0, 0.9],
        'text-anchor': 'top',
        'symbol-sort-key': ['-', 0, ['get', 'population']],
      },
    },
    {
      id: 'flash',
      type: 'circle',
      source: 'flash',
      paint: { 'circle-radius': 18, 'circle-opacity': 0.35, 'circle-stroke-width': 2 },
    },
  ]) {
    map.addLayer(layer);
  }

  function paint(name) {
    const { sea, land, border, city, label, halo, flash } = COLOURS[name];
    map.setPaintProperty('sea', 'background-color', sea);
    map.setPaintProperty('land', 'fill-color', land);
    map.setPaintProperty('borders', 'line-color', border);
    map.setPaintProperty('cities', 'circle-color', city);
    map.setPaintProperty('names', 'text-color', label);
    map.setPaintProperty('names', 'text-halo-color', halo);
    map.setPaintProperty('names', 'text-halo-width', 1.2);
    for (const property of ['circle-color', 'circle-stroke-color']) map.setPaintProperty('flash', property, flash);
  }
  paint(theme);

  map.on('click', ({ point: { x, y } }) => {
    const found = map.queryRenderedFeatures(
      [
        [x - 6, y - 6],
        [x + 6, y + 6],
      ],
      { layers: ['cities'] },
    );
    const largest = found.sort((a, b) => b.properties.population - a.properties.population)[0];
    if (largest !== undefined) choose(largest.properties.id);
  });
  map.on('mousemove', 'cities', () => (map.getCanvas().style.cursor = 'pointer'));
  map.on('mouseleave', 'cities', () => (map.getCanvas().style.cursor = ''));

  let fading;
  return {
    paint,
    async show(branch) {
      const { ids, lon, lat, population, names } = await load(`/data/points?branch=${encodeURIComponent(branch)}`);
      map.getSource('settlements').setData({
        type: 'FeatureCollection',
        features: ids.map((id, i) => ({
          type: 'Feature',
          geometry: { type: 'Point', coordinates: [lon[i], lat[i]] },
          properties: { id, population: population[i], name: names[i] },
        })),
      });
      await new Promise((resolve) => map.once('idle', resolve));
    },
    goTo(lon, lat) {
      const zoom = Math.max(map.getZoom(), 6);
      if (isStill()) map.jumpTo({ center: [lon, lat], zoom });
      else map.flyTo({ center: [lon, lat], zoom, speed: 1.6 });
    },
    flash(lon, lat) {
      map.getSource('flash').setData({ type: 'Point', coordinates: [lon, lat] });
      clearTimeout(fading);
      fading = setTimeout(() => map.getSource('flash').setData(empty()), 2500);
    },
  };
}

const isStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const empty = () => ({ type: 'FeatureCollection', features: [] });
