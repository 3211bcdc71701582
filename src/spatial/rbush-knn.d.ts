declare module 'rbush-knn' {
  import type RBush from 'rbush';

  /** At most `count` items, by the distance of their boxes. */
  export default function knn<Item>(
    tree: RBush<Item>,
    x: number,
    y: number,
    count: number,
    predicate?: (item: Item) => boolean,
    maxDistance?: number,
  ): Item[];
}
