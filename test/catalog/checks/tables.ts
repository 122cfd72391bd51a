import { type Check, isTenantTable, problemsOf, readIndexes, readTables } from '../catalog.ts';
import { appendOnly, globalTables, jsonWithoutDefault, nullableJson, sharedTables, unaudited } from '../expectations.ts';

/** Every table is a tenant table, or a listed global table. */
export const tablesAreClassified: Check = async (query) => {
  const tables = await readTables(query);
  const names = new Set(tables.map(({ name }) => name));
  return [
    ...tables
      .filter((table) => isTenantTable(table) === table.name in globalTables)
      .map((table) => `${table.name} ${isTenantTable(table) ? 'is listed as global' : 'has neither tenant_id nor a reason'}`),
    ...Object.keys(globalTables)
      .filter((name) => !names.has(name))
      .map((name) => `${name} is listed as global and does not exist`),
    ...(await problemsOf<{ name: string; kind: string }>(
      query,
      `SELECT relname::text AS name, relkind::text AS kind FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f', 'S')
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')`,
      ({ name, kind }) => `${name} (relkind ${kind}) is not a table: row security does not apply to it`,
    )),
  ];
};

/** The primary key of a tenant table is (tenant_id, id), of a global one id. */
export const primaryKeysStartWithTenantId: Check = async (query) => {
  const indexes = await readIndexes(query);
  return (await readTables(query)).flatMap((table) => {
    const expected = isTenantTable(table) ? 'tenant_id, id' : 'id';
    const key = indexes.find((index) => index.table === table.name && index.primary)?.columns.join(', ');
    const id = table.columns.find(({ name }) => name === 'id');
    return [
      ...(key === expected ? [] : [`${table.name}: its primary key is (${key}), not (${expected})`]),
      ...(id?.type === 'uuid' ? [] : [`${table.name}.id is not a uuid`]),
    ];
  });
};

/** tenant_id defaults to the tenant of the transaction. */
export const tenantIdDefaultsToCurrentTenant: Check = (query) =>
  problemsOf<{ table: string }>(
    query,
    `SELECT c.relname::text AS table FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace IN ('public'::regnamespace, 'partitions'::regnamespace) AND c.relkind IN ('r', 'p')
       AND c.relname <> ALL ('{${[...sharedTables]}}') AND pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM 'app.current_tenant_id()'`,
    ({ table }) => `${table}.tenant_id is not DEFAULT app.current_tenant_id()`,
  );

export const timestampsAreDeclaredAndMaintained: Check = async (query) => {
  const touched = new Set(
    await problemsOf<{ table: string }>(
      query,
      `SELECT tgrelid::regclass::text AS table FROM pg_trigger
       WHERE tgfoid = 'app.touch_updated_at'::regproc AND tgenabled = 'O' AND tgtype = 19 AND tgparentid = 0`,
      ({ table }) => table,
    ),
  );
  return (await readTables(query)).flatMap(({ name: table, columns }) => {
    const times = columns.filter(({ name }) => name === 'created_at' || name === 'updated_at').map(({ name }) => name);
    const expected = appendOnly.has(table) ? 'created_at' : 'created_at, updated_at';
    return [
      ...(times.join(', ') === expected ? [] : [`${table} has (${times.join(', ')}) instead of (${expected})`]),
      ...columns
        .filter(({ name, notNull, hasDefault }) => times.includes(name) && !(notNull && hasDefault))
        .map(({ name }) => `${table}.${name} is not always set`),
      ...columns
        .filter(({ type }) => type.startsWith('timestamp') && !type.endsWith('with time zone'))
        .map(({ name }) => `${table}.${name} has no time zone`),
      ...(touched.has(table) === !appendOnly.has(table) ? [] : [`${table}: touch_updated_at is wrong`]),
    ];
  });
};

/** The audit trigger is AFTER INSERT OR UPDATE OR DELETE, for each row, and enabled. */
export const businessTablesAreAudited: Check = async (query) => {
  const audited = new Set(
    await problemsOf<{ table: string }>(
      query,
      `SELECT tgrelid::regclass::text AS table FROM pg_trigger
       WHERE tgfoid = 'app.audit'::regproc AND tgenabled = 'O' AND tgtype = 29 AND tgqual IS NULL AND tgparentid = 0`,
      ({ table }) => table,
    ),
  );
  return (await readTables(query))
    .filter(({ name }) => audited.has(name) === name in unaudited)
    .map(({ name }) => `${name} ${audited.has(name) ? 'is audited against the list' : 'has no audit trigger'}`);
};

export const tablesAndColumnsHaveComments: Check = async (query) =>
  (await readTables(query)).flatMap(({ name, comment, columns }) => [
    ...(comment?.trim() ? [] : [`${name} has no comment`]),
    ...columns.filter((column) => !column.comment?.trim()).map((column) => `${name}.${column.name} has no comment`),
  ]);

/** JSON columns are not null unless listed, and money has one type. */
export const jsonAndMoneyColumnsHaveStandardTypes: Check = async (query) =>
  (await readTables(query)).flatMap(({ name: table, columns }) =>
    columns.flatMap(({ name, type, notNull, hasDefault }) => {
      const column = `${table}.${name}`;
      if (type === 'json') return [`${column} is json instead of jsonb`];
      if (type === 'jsonb' && !notNull && !nullableJson.has(column)) return [`${column} may be null`];
      if (type === 'jsonb' && notNull && !hasDefault && !jsonWithoutDefault.has(column)) return [`${column} has no default`];
      if (name === 'metadata' && !(type === 'jsonb' && notNull && hasDefault))
        return [`${column} is not jsonb NOT NULL DEFAULT '{}'`];
      // The cost of one token has more places than the price of a million.
      const money = name === 'cost_usd' ? 'numeric(24,12)' : 'numeric(18,6)';
      if (name.endsWith('_usd') && type !== money) return [`${column} is ${type} instead of ${money}`];
      return [];
    }),
  );
