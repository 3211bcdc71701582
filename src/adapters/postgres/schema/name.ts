import { checkName, quoted } from '../tables.js';

/** Where the tables of replicas are if nothing else is said. */
export const DEFAULT_SCHEMA = 'tidemark';

/** The name of a schema as it is written in SQL. Throws INVALID_OPTION for what is no name. */
export function quotedSchema(schema: string = DEFAULT_SCHEMA): string {
  checkName('schema', schema);
  return quoted(schema);
}
