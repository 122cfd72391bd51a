import { type Check, isTenantTable, type Reference, readIndexes, readReferences, readTables } from '../catalog.ts';
import { cascadeReferences, idsWithoutForeignKey, setNullReferences } from '../expectations.ts';

/** The column that identifies a reference of a table. */
function nameOf(reference: Reference): string {
  return `${reference.table}.${reference.columns.at(-1)}`;
}

/** Foreign keys stay within a tenant, and tenant_id refers to a tenant. */
export const foreignKeysStayInTheTenant: Check = async (query) => {
  const tables = await readTables(query);
  const tenantTables = new Set(tables.filter(isTenantTable).map(({ name }) => name));
  const references = await readReferences(query);
  return [
    ...references
      .filter(({ target }) => tenantTables.has(target))
      .filter(
        ({ columns, targetColumns }) =>
          columns[0] !== 'tenant_id' || targetColumns[0] !== 'tenant_id' || targetColumns.at(-1) !== 'id',
      )
      .map((reference) => `${nameOf(reference)} can point into another tenant`),
    ...[...tenantTables]
      .filter((table) => !references.some((r) => r.table === table && r.target === 'tenants' && r.columns.join() === 'tenant_id'))
      .map((table) => `${table}.tenant_id refers to no tenant`),
  ];
};

/** Every column named `…_id` has a foreign key or a listed reason. */
export const idColumnsHaveForeignKeys: Check = async (query) => {
  const held = new Set(
    (await readReferences(query)).flatMap(({ table, columns }) => columns.map((column) => `${table}.${column}`)),
  );
  return (await readTables(query))
    .flatMap(({ name, columns }) =>
      columns.filter((column) => column.name.endsWith('_id')).map((column) => `${name}.${column.name}`),
    )
    .filter((column) => !held.has(column) && !(column in idsWithoutForeignKey))
    .map((column) => `${column} has no foreign key`);
};

function expectedOnDelete(reference: Reference): string {
  if (reference.target === 'tenants' || nameOf(reference) in cascadeReferences) return 'CASCADE';
  if (reference.target === 'users' || setNullReferences.has(nameOf(reference))) return 'SET NULL';
  return 'NO ACTION';
}

/** SET NULL on a composite key names its column, so that tenant_id is not set to null. */
export const onDeleteActionsAreExpected: Check = async (query) =>
  (await readReferences(query)).flatMap((reference) => {
    const expected = expectedOnDelete(reference);
    const { onDelete, setNull, columns } = reference;
    if (onDelete !== expected) return [`${nameOf(reference)} is ON DELETE ${onDelete} instead of ${expected}`];
    const whole = onDelete === 'SET NULL' && columns.length > 1 && setNull?.join() !== columns.at(-1);
    return whole ? [`${nameOf(reference)} sets (${setNull ?? columns}) to null`] : [];
  });

export const foreignKeysHaveIndexes: Check = async (query) => {
  const indexes = (await readIndexes(query)).filter(({ partial }) => !partial);
  return (await readReferences(query))
    .filter(
      ({ table, columns }) =>
        !indexes.some(
          (index) => index.table === table && columns.every((column) => index.columns.slice(0, columns.length).includes(column)),
        ),
    )
    .map((reference) => `${nameOf(reference)}: no index starts with (${reference.columns.join(', ')})`);
};

/** References to users of a row that belongs to a tenant are checked against its members. */
export const userReferencesAreMembers: Check = async (query) => {
  const tenantTables = new Set((await readTables(query)).filter(isTenantTable).map(({ name }) => name));
  const checked = await query<{ table: string; source: string }>(
    `SELECT t.tgrelid::regclass::text AS table, p.prosrc AS source FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgname = 'check_people' AND t.tgenabled = 'O'`,
  );
  return (await readReferences(query))
    .filter(
      ({ table, target }) =>
        target === 'users' && table !== 'memberships' && (tenantTables.has(table) || table === 'mcp_servers'),
    )
    .filter(
      ({ table, columns }) =>
        !checked.some((trigger) => trigger.table === table && trigger.source.includes(`NEW.${columns.at(-1)} `)),
    )
    .map((reference) => `${nameOf(reference)} takes users of other tenants`);
};
