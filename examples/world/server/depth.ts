import { type ASTVisitor, Kind, type SelectionSetNode, type ValidationContext } from 'graphql';
import { createGraphQLError } from 'graphql-yoga';

/** A validation rule: queries nested deeper, or with more fields, are refused before anything is read. */
export function limits(maxDepth: number, maxFields: number) {
  return function LimitsRule(context: ValidationContext): ASTVisitor {
    /** By fragment, measured once: fragments of fragments would otherwise take exponential time. */
    const known = new Map<string, Size>();
    const sizeOf = ({ selections }: SelectionSetNode): Size => {
      let [depth, fields] = [0, 0];
      for (const node of selections) {
        const inner =
          node.kind === Kind.FRAGMENT_SPREAD ? sizeOfFragment(node.name.value) : sizeOf(node.selectionSet ?? NOTHING);
        const own = node.kind === Kind.FIELD ? 1 : 0;
        depth = Math.max(depth, inner.depth + own);
        fields += inner.fields + own;
      }
      return { depth, fields };
    };
    const sizeOfFragment = (name: string): Size => {
      const size = known.get(name);
      if (size !== undefined) return size;
      known.set(name, EMPTY);
      known.set(name, sizeOf(context.getFragment(name)?.selectionSet ?? NOTHING));
      return known.get(name) ?? EMPTY;
    };
    return {
      OperationDefinition: (node) => {
        const { depth, fields } = sizeOf(node.selectionSet);
        if (depth > maxDepth) context.reportError(tooMuch(`${String(maxDepth)} levels`, depth));
        if (fields > maxFields) context.reportError(tooMuch(`${String(maxFields)} fields`, fields));
      },
    };
  };
}

interface Size {
  readonly depth: number;
  readonly fields: number;
}
/** What a fragment within itself counts for: another rule refuses it. */
const EMPTY: Size = { depth: 0, fields: 0 };
const NOTHING = { kind: Kind.SELECTION_SET, selections: [] } as const;

function tooMuch(most: string, got: number) {
  const extensions = { code: 'QUERY_TOO_LARGE' };
  return createGraphQLError(`The query is too large: expected at most ${most}, got ${String(got)}.`, { extensions });
}
