import type { SubscribeTarget } from './watching.js';
import type { Subject } from './subject.js';
import { branchOf } from './cache/branches.js';
import { planOf } from './cache/cascade.js';
import type { SubjectKey } from './contract.js';
import { TidemarkError } from './errors.js';
import type { AnyModel, Topology } from './model.js';
import { branchSubject, entitySubject, idText, listSubject, rulesSubject, typeSubject } from './subject.js';

interface Where {
  readonly branch?: string | undefined;
}

/** `tide.subject`: checked names of what can change, types erased. */
export function createSubjects(topology: Topology): AnySubjects {
  const make = (kind: Subject['kind'], type: string | null, branch: string, key: SubjectKey): Subject =>
    Object.freeze({ kind, type, branch, key, toString: () => key });
  const inBranch = (where: Where | undefined): string => branchOf(topology, where?.branch);
  return Object.freeze({
    entity: (type: string, id: unknown, where?: Where) => {
      const branch = inBranch(where);
      return make(
        'entity',
        type,
        branch,
        entitySubject(planOf(topology, type).type, idText(id, `id of '${type}'`), branch),
      );
    },
    list: (type: string, parent: object, where?: Where) => {
      const branch = inBranch(where);
      const [[link, id] = [undefined, undefined]] = Object.entries(parent);
      if (link === undefined || !planOf(topology, type).parents.some((known) => known.type === link)) {
        throw new TidemarkError(
          'UNKNOWN_PARENT',
          `list of '${type}': expected one of its parents, got ${link ?? 'none'}.`,
        );
      }
      return make('list', type, branch, listSubject(type, link, idText(id, `id of '${link}'`), branch));
    },
    type: (type: string, where?: Where) => {
      const branch = inBranch(where);
      return make('type', type, branch, typeSubject(planOf(topology, type).type, branch));
    },
    rules: (type: string, scope: string, where?: Where) => {
      const branch = inBranch(where);
      return make(
        'rules',
        type,
        branch,
        rulesSubject(planOf(topology, type).type, idText(scope, 'scope of rules'), branch),
      );
    },
    branch: (branch: string) => make('branch', null, branch, branchSubject(idText(branch, 'branch'))),
  });
}

export interface AnySubjects {
  entity(type: string, id: unknown, where?: Where): Subject;
  list(type: string, parent: object, where?: Where): Subject;
  type(type: string, where?: Where): Subject;
  rules(type: string, scope: string, where?: Where): Subject;
  branch(branch: string): Subject;
}

/** What a subscription is about: a subject, an entity or a whole type. */
export function targetSubject(
  subjects: AnySubjects,
  target: SubscribeTarget<AnyModel>,
  branch: string | undefined,
): Subject {
  if ('key' in target) return target;
  if ('id' in target) return subjects.entity(target.type, target.id, { branch });
  return subjects.type(target.type, { branch });
}
