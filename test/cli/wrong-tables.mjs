export const tables = { kingdom: { table: 'king doms', id: 'id', columns: {} } };
