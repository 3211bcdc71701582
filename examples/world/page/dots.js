import { REMOVED } from '/page/points.js';

/**
 * A layer of the map that draws all dots in one call, straight from memory: however far one zooms, nothing is cut
 * into tiles. Sizes are of CSS pixels, and depend on the people and on the zoom.
 */
export function createDots(id) {
  let gl, map, program, buffer, places;
  let [data, count, colour] = [new Float32Array(0), 0, [0, 0, 0]];
  let isUploaded = false;

  return {
    id,
    type: 'custom',
    renderingMode: '2d',
    onAdd(onMap, context) {
      [map, gl] = [onMap, context];
      program = linked(gl);
      places = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
      buffer = gl.createBuffer();
      isUploaded = false;
    },
    render(_, { defaultProjectionData }) {
      if (count === 0) return;
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      if (!isUploaded) gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      isUploaded = true;
      gl.useProgram(program);
      gl.enableVertexAttribArray(0);
      gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
      gl.uniformMatrix4fv(places.matrix, false, Float32Array.from(defaultProjectionData.mainMatrix));
      gl.uniform1f(places.ratio, map.getPixelRatio());
      gl.uniform1f(places.growth, stepped(GROWTH, map.getZoom()));
      gl.uniform1f(places.strength, stepped(STRENGTH, map.getZoom()));
      gl.uniform3f(places.colour, ...colour);
      const drawn = Math.ceil(count * stepped(SHARE, map.getZoom()));
      const bounds = map.getBounds();
      for (let copy = turn(bounds.getWest()); copy <= turn(bounds.getEast()); copy++) {
        gl.uniform1f(places.turn, copy);
        gl.drawArrays(gl.POINTS, 0, drawn);
      }
    },
    paint(hex) {
      colour = [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16) / 255);
    },
    show(points) {
      count = points.count;
      data = new Float32Array(3 * count);
      for (let i = 0; i < count; i++) data.set([points.x[i], points.y[i], points.population[i]], 3 * i);
      isUploaded = false;
      map.triggerRepaint();
    },
    change(i, { x, y, population }) {
      data.set([x, y, population], 3 * i);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      if (isUploaded) gl.bufferSubData(gl.ARRAY_BUFFER, 12 * i, data, 3 * i, 3);
      map.triggerRepaint();
    },
  };
}

/** By zoom, with straight lines between. */
const GROWTH = [
  [1, 0.42],
  [4, 0.75],
  [6, 1.4],
  [9, 3],
  [12, 5],
];
const STRENGTH = [
  [1, 0.3],
  [4, 0.65],
  [7, 0.9],
];

/** The largest come first: of the whole world the smallest would only be a veil over them. */
const SHARE = [
  [1, 0.3],
  [5, 1],
];

function stepped(stops, zoom) {
  const next = stops.findIndex(([at]) => at >= zoom);
  if (next <= 0) return stops.at(next)[1];
  const [[from, low], [to, high]] = [stops[next - 1], stops[next]];
  return low + ((zoom - from) / (to - from)) * (high - low);
}

/** Which copy of the world a longitude is in: 0 is the middle one. */
const turn = (lon) => Math.floor((lon + 180) / 360);

const UNIFORMS = ['matrix', 'turn', 'ratio', 'growth', 'strength', 'colour'];

const VERTEX = `#version 300 es
layout(location = 0) in vec3 place;
uniform mat4 matrix;
uniform float turn, ratio, growth, strength;
out float radius, alpha;
void main() {
  if (place.z == ${REMOVED.toFixed(1)}) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  float large = clamp((log(max(place.z, 1.0)) - 7.0) / 9.0, 0.0, 1.0);
  float wanted = mix(0.7, 3.2, large) * growth * ratio;
  // What is smaller than a pixel is drawn as one, and fainter instead.
  radius = max(wanted, 0.6);
  alpha = strength * min(1.0, wanted * wanted / (radius * radius));
  gl_Position = matrix * vec4(place.x + turn, place.y, 0.0, 1.0);
  gl_PointSize = 2.0 * radius + 1.0;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in float radius, alpha;
uniform vec3 colour;
out vec4 painted;
void main() {
  float away = length(gl_PointCoord - 0.5) * (2.0 * radius + 1.0);
  float cover = alpha * clamp(radius + 0.5 - away, 0.0, 1.0);
  painted = vec4(colour * cover, cover);
}`;

function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return program;
}
