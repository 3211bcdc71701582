import type { Geometry } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { type Polygon, boxesMeet, shapeOf } from './shape.js';
import { courseOf, edgesOfPolygon } from './relate.js';
import { faultOf } from './validity.js';

/** A geometry that was checked, if it is a valid area. Throws INVALID_GEOMETRY with the place of the fault. */
export function checkedRegion(geometry: Geometry, where: string): Geometry {
  const { type } = geometry;
  if (type !== 'Polygon' && type !== 'MultiPolygon') {
    const got = (type as string | undefined) ?? 'a point';
    throw new TidemarkError('INVALID_GEOMETRY', `${where}: expected a Polygon or a MultiPolygon, got ${got}.`);
  }
  const { polygons, boxes } = shapeOf(geometry);
  polygons.forEach((polygon, i) => {
    const fault = faultOf(polygon);
    if (fault === null) return;
    const at = fault.at === null ? '' : ` at (${fault.at.slice(0, 2).join(', ')})`;
    const which = type === 'Polygon' ? '' : `[${String(i)}]`;
    throw new TidemarkError(
      'INVALID_GEOMETRY',
      `${where}.coordinates${which}: expected a valid polygon: ${fault.reason}${at}.`,
    );
  });
  for (let i = 0; i < polygons.length; i++) {
    for (let j = i + 1; j < polygons.length; j++) {
      const [one, other] = [polygons[i], polygons[j]] as const;
      if (one === undefined || other === undefined) continue;
      if (!boxesMeet(boxes[i] as (typeof boxes)[0], boxes[j] as (typeof boxes)[0]) || !areJoined(one, other)) continue;
      const which = `${where}.coordinates[${String(i)}] and [${String(j)}]`;
      throw new TidemarkError(
        'INVALID_GEOMETRY',
        `${which}: expected polygons that touch in points at most; they share an area or a line.`,
      );
    }
  }
  return geometry;
}

/** Whether two polygons have more than single points in common. */
function areJoined(one: Polygon, other: Polygon): boolean {
  const course = courseOf(edgesOfPolygon(one), other);
  return course.crosses || course.in || course.on || courseOf(edgesOfPolygon(other), one).in;
}
