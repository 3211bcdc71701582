/**
 * Every code that a {@link TidemarkError} can carry, with what it means in one line.
 * `docs/errors.md` explains each; a test compares the two both ways.
 */
export const ERROR_CODES = {
  ABORTED: 'The caller aborted: a scope or subscription signal fired.',
  BLANK_ID: 'An id, branch, room or key part was empty or only white space.',
  BRANCH_CYCLE: "The model's parentOf() leads back to a branch already passed.",
  BRANCH_REQUIRED: 'The model declares branches and none was given.',
  CLOSED: 'The tide, hub or adapter was used after close().',
  CORRUPT_ENTRY: 'Stored bytes are no entry that this version can read.',
  CYCLIC_PARENTS: 'Entity types are each other’s parents.',
  CYCLIC_VALUE: 'A value contains itself and cannot be stored.',
  FACTS_MISSING: 'The facts given to evaluate a computed field lack what needs() names.',
  FIELD_FAILED: 'A rule reads a computed field that has an error in place of a value.',
  ID_MISMATCH: 'An id came back from the origin, or in a row, different from the one asked for.',
  INVALID_CHANGE: 'A change is malformed: its op, row images or subjects.',
  INVALID_CONFIG: 'Environment variables that configFromEnv() cannot accept.',
  INVALID_CURSOR: 'A cursor that this library did not issue.',
  INVALID_FRAME: 'A frame of a client that the server does not understand.',
  INVALID_GEOMETRY: 'Coordinates that are not finite numbers, or a shape that is no geometry.',
  INVALID_KEY: 'A cache key or one of its parts is not usable.',
  INVALID_MODEL: 'The declared model contradicts itself.',
  INVALID_OPTION: 'An option has a value outside its range.',
  INVALID_PARAMS: 'View or key parameters are not plain data.',
  INVALID_RECEIPT: 'A receipt string that this library did not issue.',
  INVALID_REQUEST: 'A question to the rules service is malformed.',
  INVALID_ROWS: 'The origin answered with something that is neither rows nor a map of rows.',
  INVALID_RULE: 'A rule of a computed field is malformed: its id, place, priority or expression.',
  LIMIT_EXCEEDED: 'A connection has as many subscriptions as it may, or its client sends more frames than it may.',
  LISTEN_UNAVAILABLE: 'What is announced in Postgres does not reach the connection that listens.',
  LOAD_FAILED: "A view's or getOrLoad's own load function threw.",
  MARKS_UNAVAILABLE: 'Marks could not be read or written.',
  MISSED: 'A subscriber of a pub/sub lacks messages that nobody has any more, and no onResync says what then.',
  NOT_MIGRATED: 'The database lacks the tables that the migrations make.',
  NOT_PLACED: 'An entity named in a spatial question does not exist, or lies nowhere.',
  OPERATOR_FAILED: 'An operator of the host threw, gave a promise, or read what its reads() does not name.',
  ORIGIN_FAILED: 'The origin threw or rejected; its error is the cause.',
  ORIGIN_MISSING: 'The origin has no loader for what was asked.',
  ORIGIN_NOT_READY: 'A table or column that pgOrigin() was told of is not in the database, or of another type.',
  ORIGIN_TIMEOUT: 'The origin did not settle within originTimeoutMs, or a statement within statementTimeoutMs.',
  OUTBOX_REFUSED: 'A row of the outbox is not understood by this version of the app; seen in error events only.',
  OVERFLOW: 'A subscriber with overflow "disconnect" fell behind the ring.',
  OVERLOADED: 'The marks or the store cannot be reached, and more reads wait for the origin than may.',
  REVOKED: 'A permission that was given has been taken back.',
  ROW_WITHOUT_ID: 'The origin returned a row whose id field is missing or blank.',
  RULES_REFUSED: 'The rules service, or something before it, refused a question with no code that is known here.',
  RULES_UNAVAILABLE: 'No rules service answered and there is no fallback, or one could not listen.',
  RULE_ARGUMENTS: 'An operator of a rule was given too few or too many arguments, or such as it cannot use.',
  RULE_CONFLICT: 'A rule is not the one any more that its author saw.',
  RULE_CYCLE: 'Computed fields read each other in a circle.',
  RULE_KIND: 'A rule gives a value of another kind than its computed field is declared with.',
  RULE_LIMIT: 'A running rule went beyond its steps, or made a string, list or depth beyond what it may.',
  RULE_NAN: 'Arithmetic or a comparison in a rule met something that is no finite number.',
  RULE_OPERATOR: 'A rule names an operator that does not exist.',
  RULE_SYNTAX: 'A rule is not plain JSON, or an object in it is no operation.',
  RULE_THREW: 'A rule threw by its own operator "throw"; what it threw is the cause.',
  RULE_TOO_LARGE: 'A rule is deeper or larger than it may be.',
  RULE_TYPE: 'A rule does not fit the declared types of its context.',
  SPATIAL_NOT_READY: 'PostGIS, or a table that it was told of, is not as spatial queries need it.',
  STORE_DOWN: 'Marks or store failed several times in a row and are not asked for a moment; seen in error events only.',
  STORE_FAILED: 'The shared store could not do what it was asked; its error is the cause.',
  STORE_TIMEOUT: 'The shared store did not answer within storeTimeoutMs; seen in error events only.',
  UNAUTHORIZED: 'A principal may not subscribe to this subject, or no authorizer is set.',
  UNENCODABLE: 'A value holds something the codec refuses rather than change silently.',
  UNKNOWN_PARENT: 'A parent link names a type that the model does not declare.',
  UNKNOWN_TYPE: 'An entity type that the model does not declare.',
  UNREQUESTED_ROW: 'The origin returned a row that nobody asked for.',
  UNSUPPORTED_GEOMETRY: 'The embedded index cannot compare geometries of these kinds.',
} as const;

export type TidemarkErrorCode = keyof typeof ERROR_CODES;

const BRAND = Symbol.for('tidemark.error');

/**
 * The only error class of this library. `code` is stable API; `message` says what was expected, what came and
 * where, and may change; `cause` keeps the error of the host, when there is one.
 */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError';
  readonly code: TidemarkErrorCode;

  constructor(code: TidemarkErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for errors of any copy of this library: an ESM and a CJS copy in one process recognise each other's. */
export function isTidemarkError(error: unknown): error is TidemarkError {
  return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
}

/** What a thrown value says, for embedding in another message. Never throws, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    return 'an unprintable value';
  }
}

/** An option that counts something: a whole number of at least 1. Throws INVALID_OPTION. */
export function counted(name: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new TidemarkError('INVALID_OPTION', `${name}: expected a whole number of at least 1, got ${String(value)}.`);
}
