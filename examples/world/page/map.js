import * as maplibre from '/vendor/maplibre-gl.js';
import { createCanvas, createRing } from '/page/canvas.js';
import { h, isStill, number } from '/page/dom.js';
import { createDots } from '/page/dots.js';
import { COLOURS, LAYERS, painted } from '/page/map-style.js';
import { REMOVED, largestIn, latitude, loadPoints, longitude, mercatorY, nearest } from '/page/points.js';
import { load } from '/page/server.js';

const MOST_NAMES = 60;
const RENAME_EVERY_MS = 250;

/** The map: countries, a dot for every settlement, the names of the largest in sight, and what is of interest now. */
export async function createMap(container, { theme, choose, move }) {
  if (document.createElement('canvas').getContext('webgl2') === null) throw new Error('this browser has no WebGL 2');
  const map = new maplibre.Map({
    container,
    center: [12, 30],
    zoom: Math.max(1, Math.log2(container.clientWidth / 512) + 0.2),
    minZoom: 0.5,
    maxZoom: 12,
    attributionControl: false,
    dragRotate: false,
    fadeDuration: 0,
    style: { version: 8, sources: {}, layers: [] },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), 'top-right');
  const [outlines] = await Promise.all([
    load('/data/countries.json'),
    new Promise((resolve) => map.once('load', resolve)),
  ]);
  map.addSource('countries', { type: 'geojson', data: outlines });
  for (const name of ['own', 'structures', 'names']) map.addSource(name, { type: 'geojson', data: features([]) });
  const dots = createDots('cities');
  for (const layer of LAYERS) {
    if (layer.id === 'own') map.addLayer(dots);
    map.addLayer(layer);
  }
  const drawn = createCanvas(map);
  function paint(name) {
    dots.paint(COLOURS[name].city);
    drawn.paint(COLOURS[name]);
    for (const [layer, properties] of Object.entries(painted(COLOURS[name]))) {
      for (const [property, colour] of Object.entries(properties)) map.setPaintProperty(layer, property, colour);
    }
  }
  paint(theme);

  // ── Names: of the largest in sight, chosen anew while the map moves ──────────────────────────────────────────

  let points = { ids: [], count: 0, x: [], y: [], population: [], indexOf: () => -1 };
  let chosen = -1;
  let latest;
  let isFramed = false;
  let waiting;
  let named = '';
  function rename() {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      const bounds = map.getBounds();
      const [north, south] = [mercatorY(bounds.getNorth()), mercatorY(bounds.getSouth())];
      const [west, east] = [(bounds.getWest() + 180) / 360, (bounds.getEast() + 180) / 360];
      const found = largestIn(points, { west, east, north, south }, MOST_NAMES);
      const shown = chosen === -1 || found.includes(chosen) ? found : [chosen, ...found];
      const now = `${chosen} ${shown.map((i) => `${i} ${points.names[i]}`).join(' ')}`;
      if (now === named) return;
      named = now;
      const labels = shown.map((i) => point(points.x[i], points.y[i], { name: points.names[i], rank: rankOf(i) }));
      map.getSource('names').setData(features(labels));
    }, RENAME_EVERY_MS);
  }
  /** Places that fill but a part of the earth are brought into view. */
  function frame() {
    if (points.count === 0) return;
    const box = new maplibre.LngLatBounds();
    for (let i = 0; i < points.count; i++) box.extend([longitude(points.x[i]), latitude(points.y[i])]);
    if (box.getEast() - box.getWest() < 180) map.fitBounds(box, { padding: 90, animate: false });
  }
  const rankOf = (i) => (i === chosen ? -1 : i);
  map.on('move', rename);

  // ── Pointing and choosing ────────────────────────────────────────────────────────────────────────────────────

  const canvas = map.getCanvas();
  const found = ({ lng, lat }, pixels) =>
    nearest(points, { x: (lng + 180) / 360, y: mercatorY(lat) }, pixels / (512 * 2 ** map.getZoom()));
  const pixels = matchMedia('(pointer: coarse)').matches ? 18 : 9;
  const tip = h('div', { id: 'tip', role: 'tooltip', hidden: true });
  map.getContainer().append(tip);
  map.on('click', ({ lngLat }) => {
    if (drawn.isDrawing) return;
    const i = found(lngLat, pixels);
    if (i !== -1) choose(points.ids[i]);
  });
  map.on('mousemove', ({ lngLat, point: { x, y } }) => {
    const i = map.isMoving() || drawn.isDrawing ? -1 : found(lngLat, pixels);
    canvas.style.cursor = i === -1 ? '' : 'pointer';
    tip.hidden = i === -1;
    if (i === -1) return;
    tip.textContent = `${points.names[i]} · ${number(points.population[i])} people`;
    tip.style.translate = `${x}px ${y}px`;
  });
  map.on('mouseout', () => (tip.hidden = true));
  canvas.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    const i = found(map.getCenter(), 60);
    if (i !== -1) choose(points.ids[i]);
  });

  const ring = createRing(map, move);
  return {
    canvas: drawn,
    paint,
    /** Loads and draws every settlement of a branch. */
    async show(branch) {
      const asked = (latest = branch);
      const loaded = await loadPoints(branch);
      if (asked !== latest) return;
      points = loaded;
      named = '';
      dots.show(points);
      if (!isFramed) frame();
      isFramed = true;
      rename();
    },
    drawn: () => new Promise((resolve) => map.once('idle', () => resolve())),
    /** Brings what changed of one settlement onto the map; null if it is there no more. False: load all anew. */
    change(id, settlement) {
      const i = points.indexOf(id);
      if (i === -1) return settlement === null;
      if (settlement === null) points.population[i] = REMOVED;
      else {
        points.x[i] = (settlement.lon + 180) / 360;
        points.y[i] = mercatorY(settlement.lat);
        points.population[i] = settlement.population;
        points.names[i] = settlement.name;
      }
      dots.change(i, { x: points.x[i], y: points.y[i], population: points.population[i] });
      rename();
      return true;
    },
    /** Encircles a settlement and shows its structures, in the middle of what is left free. */
    open({ id, version, lon, lat, structures }, offset) {
      chosen = points.indexOf(id);
      ring.at({ id, version, lon, lat });
      map
        .getSource('structures')
        .setData(features(structures.map((at) => point(at.lon, at.lat, { name: at.code || at.name, rank: 0 }, true))));
      rename();
      if (offset === undefined) return;
      const view = { center: [lon, lat], zoom: Math.max(map.getZoom(), 6.5), offset };
      if (isStill()) map.easeTo({ ...view, duration: 0, essential: true });
      else map.flyTo({ ...view, speed: 1.6, maxDuration: 3000 });
    },
    close() {
      chosen = -1;
      ring.remove();
      map.getSource('structures').setData(features([]));
      rename();
    },
    /** Encircles the rows that a branch has of its own. */
    showOwn(rows) {
      const placed = rows.filter(({ lon }) => lon !== null);
      map.getSource('own').setData(features(placed.map(({ lon, lat }) => point(lon, lat, {}, true))));
    },
    /** A move came to nothing. */
    putBack: () => ring.back(),
    flash(lon, lat) {
      const marker = new maplibre.Marker({ element: h('div', { class: 'flash' }) }).setLngLat([lon, lat]).addTo(map);
      setTimeout(() => marker.remove(), 2500);
    },
    /** Some of the largest settlements, and one of all. */
    suggest(count) {
      const among = Math.min(points.count, 250);
      const some = Array.from({ length: count }, (_, n) => Math.floor(((n + Math.random()) * among) / count));
      return [...new Set(some)]
        .filter((i) => i < points.count)
        .map((i) => ({ id: points.ids[i], name: points.names[i] }));
    },
    random: () => points.ids[Math.floor(Math.random() * points.count)],
  };
}

const features = (list) => ({ type: 'FeatureCollection', features: list });
const point = (x, y, properties, isInDegrees = false) => ({
  type: 'Feature',
  geometry: { type: 'Point', coordinates: isInDegrees ? [x, y] : [longitude(x), latitude(y)] },
  properties,
});
