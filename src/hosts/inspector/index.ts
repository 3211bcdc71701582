/** A page that shows what a replica holds, what a change made stale and why. */
export {
  type InspectedTide,
  type InspectorHost,
  type InspectorOptions,
  type InspectorRequest,
  type InspectorResponse,
  inspector,
} from './host.js';
