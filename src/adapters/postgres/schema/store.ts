/**
 * The table of the store, for a schema given as a checked and quoted name. UNLOGGED: no write waits for a disk, and a crash
 * empties it.
 */
export function storeSql(schema: string): string {
  return `-- value is null for a deletion that is kept for its version. name is the whole key where that is too long for an index.
create unlogged table ${schema}.entry (
  key bytea primary key,
  name bytea,
  value bytea,
  subjects bytea[],
  expires_at timestamptz,
  epoch bytea,
  position bigint
);
-- Values are read whole, and often: compressing them costs more than it saves.
alter table ${schema}.entry alter column value set storage external;
create index entry_expires on ${schema}.entry (expires_at) where expires_at is not null;
`;
}
