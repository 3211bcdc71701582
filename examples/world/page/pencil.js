import { latitude, longitude, mercatorY } from '/page/points.js';

/** Drawing on the map: a circle from its middle, a polygon corner by corner. With keys alone, in the middle of the map. */

const HINTS = {
  circle: 'Press in the middle of the circle and pull. Keys: Enter draws one in the middle of the map.',
  polygon:
    'Click corners, double click to close. Keys: Enter sets a corner in the middle of the map, c closes. Esc ends.',
};
const CORNERS = 48;
/** Of what a circle by key reaches from the middle of the map to its nearer edge. */
const SHARE = 0.5;

export function createPencil(map, { done, hint }) {
  const pencil = { tool: null, take };
  let corners = [];
  let middle = null;

  function take(tool) {
    pencil.tool = pencil.tool === tool ? null : tool;
    [corners, middle] = [[], null];
    map.sketch(null);
    map.setDrawing(pencil.tool !== null);
    hint(HINTS[pencil.tool] ?? '');
    if (pencil.tool !== null) map.focus();
  }

  function finish(polygon) {
    const { tool } = pencil;
    take(tool);
    done({ tool, polygon });
  }

  function closePolygon() {
    if (corners.length >= 3) finish([...corners, corners[0]]);
  }
  function corner({ lng, lat }) {
    const [x, y] = corners.at(-1) ?? [];
    if (x !== lng || y !== lat) corners.push([lng, lat]);
    map.sketch(corners);
  }

  map.onDraw({
    down: (at) => {
      if (pencil.tool === 'circle') middle = at;
    },
    move: (at) => {
      if (middle !== null) map.sketch(around(middle, at));
      else if (pencil.tool === 'polygon' && corners.length > 0) map.sketch([...corners, [at.lng, at.lat]]);
    },
    up: (at) => {
      if (middle !== null && (at.lng !== middle.lng || at.lat !== middle.lat)) finish(around(middle, at));
      middle = null;
    },
    click: (at) => {
      if (pencil.tool === 'polygon') corner(at);
    },
    double: closePolygon,
    key: (key) => {
      const { centre, edge } = map.middle();
      if (key === 'Escape') take(pencil.tool);
      else if (key === 'Enter' && pencil.tool === 'circle') finish(around(centre, edge, SHARE));
      else if (key === 'Enter') corner(centre);
      else if (key === 'c') closePolygon();
    },
  });
  return pencil;
}

/** Round on the map, closed, and no farther than the poles and the 180th meridian. */
function around(middle, edge, share = 1) {
  const [x, y] = [(middle.lng + 180) / 360, mercatorY(middle.lat)];
  const reach = share * Math.hypot((edge.lng + 180) / 360 - x, mercatorY(edge.lat) - y);
  const ring = Array.from({ length: CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    const lon = longitude(x + reach * Math.cos(angle));
    return [Math.max(-180, Math.min(180, lon)), latitude(y + reach * Math.sin(angle))];
  });
  return [...ring, ring[0]];
}
