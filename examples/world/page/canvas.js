import * as maplibre from '/vendor/maplibre-gl.js';
import { h } from '/page/dom.js';

/** What is drawn on the map by hand, and how a hand reaches it. */

const NOTHING = { type: 'FeatureCollection', features: [] };
const FLASH_MS = 1400;
const STEP_PX = 12;

export function createCanvas(map) {
  for (const name of ['drawn', 'found', 'sketch', 'flashed']) map.addSource(name, { type: 'geojson', data: NOTHING });
  for (const layer of DRAWN_LAYERS) map.addLayer(layer);
  const canvas = map.getCanvas();
  let isDrawing = false;
  let hands = {};
  const on = (event, name) =>
    map.on(event, (happened) => {
      if (!isDrawing) return;
      if (name === 'down' || name === 'double') happened.preventDefault();
      hands[name]?.(happened.lngLat);
    });
  for (const [event, name] of Object.entries(EVENTS)) on(event, name);
  canvas.addEventListener(
    'keydown',
    (event) => {
      if (!isDrawing || !['Enter', 'Escape', 'c'].includes(event.key)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      hands.key?.(event.key);
    },
    { capture: true },
  );
  return {
    get isDrawing() {
      return isDrawing;
    },
    setDrawing(now) {
      isDrawing = now;
      canvas.classList.toggle('drawing', now);
      for (const way of ['dragPan', 'doubleClickZoom', 'boxZoom']) map[way][now ? 'disable' : 'enable']();
    },
    onDraw: (given) => (hands = given),
    onPoint(run) {
      map.on('mousemove', ({ lngLat }) => run(isDrawing || map.isMoving() ? null : lngLat));
      map.on('mouseout', () => run(null));
    },
    focus: () => canvas.focus({ preventScroll: true }),
    middle() {
      const { width, height } = map.getContainer().getBoundingClientRect();
      return { centre: map.getCenter(), edge: map.unproject([width / 2 + Math.min(width, height) / 2, height / 2]) };
    },
    sketch: (line) => {
      const geometry = line !== null && line.length > 1 ? { type: 'LineString', coordinates: line } : null;
      map.getSource('sketch').setData(geometry === null ? NOTHING : collection([geometry]));
    },
    showDrawn(shapes, settlements) {
      map.getSource('drawn').setData(collection(shapes));
      map
        .getSource('found')
        .setData(collection(settlements.map(({ lon, lat }) => ({ type: 'Point', coordinates: [lon, lat] }))));
    },
    flashShape(shape) {
      map.getSource('flashed').setData(collection([shape]));
      setTimeout(() => map.getSource('flashed').setData(NOTHING), FLASH_MS);
    },
    paint({ own, city }) {
      for (const id of ['drawn-fill', 'flashed']) map.setPaintProperty(id, 'fill-color', own);
      for (const id of ['drawn-line', 'sketch']) map.setPaintProperty(id, 'line-color', own);
      map.setPaintProperty('found', 'circle-color', own);
      map.setPaintProperty('found', 'circle-stroke-color', city);
    },
  };
}

const EVENTS = { mousedown: 'down', mousemove: 'move', mouseup: 'up', click: 'click', dblclick: 'double' };

const collection = (shapes) => ({
  type: 'FeatureCollection',
  features: shapes.map((geometry) => ({ type: 'Feature', geometry, properties: {} })),
});

const DRAWN_LAYERS = [
  { id: 'drawn-fill', type: 'fill', source: 'drawn', paint: { 'fill-opacity': 0.1 } },
  { id: 'flashed', type: 'fill', source: 'flashed', paint: { 'fill-opacity': 0.45 } },
  { id: 'drawn-line', type: 'line', source: 'drawn', paint: { 'line-width': 2 } },
  { id: 'found', type: 'circle', source: 'found', paint: { 'circle-radius': 3, 'circle-stroke-width': 0.5 } },
  { id: 'sketch', type: 'line', source: 'sketch', paint: { 'line-width': 2, 'line-dasharray': [2, 1.5] } },
];

/** The ring around the open place: pulled, or pushed by the arrow keys and let go by Enter, it moves the place. */
export function createRing(map, moved) {
  const element = h('div', {
    class: 'ring',
    'data-test': 'ring',
    tabindex: '0',
    role: 'button',
    'aria-label': 'Move this place: arrow keys, then Enter',
    title: 'Pull to move this place, or use the arrow keys and Enter',
  });
  const ring = new maplibre.Marker({ element, draggable: true });
  let place = null;
  const back = () => place !== null && ring.setLngLat([place.lon, place.lat]);
  const settle = () => {
    const { lng, lat } = ring.getLngLat().wrap();
    if (place !== null && (lng !== place.lon || lat !== place.lat)) moved({ ...place, to: { lon: lng, lat } });
  };
  ring.on('dragend', settle);
  element.addEventListener('keydown', (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [
      0, 0,
    ];
    const { x, y } = map.project(ring.getLngLat());
    if (dx !== 0 || dy !== 0) ring.setLngLat(map.unproject([x + dx * STEP_PX, y + dy * STEP_PX]));
    else if (event.key === 'Enter') settle();
    else if (event.key === 'Escape') back();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    at(settlement) {
      place = settlement;
      ring.setLngLat([settlement.lon, settlement.lat]).addTo(map);
    },
    back,
    remove() {
      place = null;
      ring.remove();
    },
  };
}
