import type { Box, Position, SpatialQuestion, SpatialSystem } from '../contract.js';
import { distanceBetween, metresBetween, onlyPoint } from './distance.js';
import { intersects } from './relate.js';
import { type Shape, boxesMeet, shapeOf, shapeOfBox } from './shape.js';

/**
 * A part of the map, closed: where an answer comes from, or what a change touched. An answer is what it was as long as
 * nothing that meets its area has changed.
 */
export interface Area {
  /** That together contain it. */
  readonly boxes: readonly Box[];
  meets(shape: Shape): boolean;
}

export const EVERYWHERE: Area = {
  boxes: [{ minX: -Infinity, minY: -Infinity, maxX: Infinity, maxY: Infinity }],
  meets: () => true,
};

export function areaOfShape(shape: Shape): Area {
  return areaIn([shape.box], (other) => intersects(shape, other));
}

export function areaOfBoxes(boxes: readonly Box[]): Area {
  const shapes = boxes.map(shapeOfBox);
  return areaIn(boxes, (other) => shapes.some((shape) => intersects(shape, other)));
}

/** What does not end has no coordinates to reckon with: it meets whatever its box meets. */
function areaIn(boxes: readonly Box[], meets: (shape: Shape) => boolean): Area {
  return {
    boxes,
    meets: (shape) => boxes.some((box) => boxesMeet(box, shape.box)) && (!isFinite(shape.box) || meets(shape)),
  };
}

const isFinite = (box: Box): boolean => Object.values(box).every(Number.isFinite);

/** Two ways to compute one distance differ in the last bit: what counts is a little more than what is asked. */
const reachOf = (radius: number): number => radius * (1 + 1e-9) + 1e-6;

export function disc(at: Position, radius: number, system: SpatialSystem): Area {
  const reach = reachOf(radius);
  const centre: Shape = shapeOf(at);
  if (system.distance === 'planar') {
    const boxes = [{ minX: at.x - reach, minY: at.y - reach, maxX: at.x + reach, maxY: at.y + reach }];
    return areaIn(boxes, (other) => distanceBetween(centre, other, system) <= reach);
  }
  const boxes = boxesAround(at, reach);
  return areaIn(boxes, (other) => {
    const point = onlyPoint(other);
    return point === null || metresBetween([at.x, at.y], point) <= reach;
  });
}

/** A degree of latitude is at least this long, in metres, and so is one of longitude at the equator. */
const LEAST_DEGREE = 110_574;

/** Boxes of degrees that contain what is so many metres away: two across the antimeridian, every longitude near a pole. */
export function boxesAround({ x, y }: Position, metres: number): readonly Box[] {
  const up = metres / LEAST_DEGREE;
  const [minY, maxY] = [Math.max(-90, y - up), Math.min(90, y + up)];
  const sine = Math.sin((Math.min(90, up) * Math.PI) / 180) / Math.cos((y * Math.PI) / 180);
  // The meridians that touch a circle on the sphere, and a hundredth more for the ellipsoid.
  const across = minY > -90 && maxY < 90 && sine < 1 ? ((Math.asin(sine) * 180) / Math.PI) * 1.01 : 180;
  if (across >= 180) return [{ minX: -180, minY, maxX: 180, maxY }];
  const [minX, maxX] = [x - across, x + across];
  if (minX >= -180 && maxX <= 180) return [{ minX, minY, maxX, maxY }];
  return minX < -180
    ? [
        { minX: -180, minY, maxX, maxY },
        { minX: minX + 360, minY, maxX: 180, maxY },
      ]
    : [
        { minX, minY, maxX: 180, maxY },
        { minX: -180, minY, maxX: maxX - 360, maxY },
      ];
}

/** Where the answer to a question comes from; of the nearest only the answer tells. */
export function areaAsked(question: SpatialQuestion, system: SpatialSystem): Area | null {
  switch (question.kind) {
    case 'near':
      return disc(question.point, question.radius, system);
    case 'inBox':
      return areaOfBoxes(question.boxes);
    case 'within':
      return areaOfShape(shapeOf(question.region));
    case 'containing':
      return areaOfShape(shapeOf(question.point));
    default:
      return null;
  }
}

/** Where the nearest came from: as far as the last of them; if there are fewer than asked for, as far as was asked. */
export function areaOfNearest(
  { point, count, maxDistance }: Extract<SpatialQuestion, { kind: 'nearest' }>,
  distances: readonly number[],
  system: SpatialSystem,
): Area {
  const last = distances[count - 1] ?? maxDistance;
  return last === undefined ? EVERYWHERE : disc(point, last, system);
}
