import { tableModels } from '../../../src/generated/data-model.ts';
import { columnsOf } from '../../../src/platform/postgres/readable-columns.ts';
import { type Check, problemsOf, type Query, readTables } from '../catalog.ts';
import {
  applicationGrants,
  definerFunctions,
  gateGrants,
  readableHashes,
  sealedColumns,
  secretColumns,
} from '../expectations.ts';

const OURS = "('public', 'app', 'partitions')";

/** The application roles have no attributes, objects or memberships beyond their grants. */
export const applicationRolesAreUnprivileged: Check = async (query) => [
  ...(await problemsOf<{ name: string }>(
    query,
    `SELECT rolname::text AS name FROM pg_roles WHERE rolname IN ('agentbase_app', 'agentbase_gate')
       AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication)`,
    ({ name }) => `${name} is more than a plain role`,
  )),
  ...(await problemsOf<{ name: string; member: string }>(
    query,
    `SELECT r.rolname::text AS name, m.rolname::text AS member FROM pg_auth_members JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member
     WHERE m.rolname IN ('agentbase_app', 'agentbase_gate')`,
    ({ name, member }) => `${member} may act as ${name}`,
  )),
  ...(await problemsOf<{ kind: string; name: string }>(
    query,
    `SELECT 'relation' AS kind, oid::regclass::text AS name FROM pg_class WHERE relowner = 'agentbase_app'::regrole
     UNION ALL SELECT 'function', oid::regprocedure::text FROM pg_proc WHERE proowner = 'agentbase_app'::regrole
     UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspowner = 'agentbase_app'::regrole
     UNION ALL SELECT 'type', oid::regtype::text FROM pg_type WHERE typowner = 'agentbase_app'::regrole
     UNION ALL SELECT 'relation', oid::regclass::text FROM pg_class WHERE relowner = 'agentbase_gate'::regrole`,
    ({ kind, name }) => `the ${kind} ${name} is owned by an application role`,
  )),
  ...(await problemsOf<{ role: string; schema: string }>(
    query,
    `SELECT role, nspname::text AS schema FROM pg_namespace, unnest(ARRAY['agentbase_app', 'public']) role
     WHERE nspname IN ${OURS} AND has_schema_privilege(role, oid, 'CREATE')`,
    ({ role, schema }) => `${role} may create objects in the schema ${schema}`,
  )),
  ...(await problemsOf<{ role: string; schema: string }>(
    query,
    `SELECT role, nspname::text AS schema FROM pg_namespace, unnest(ARRAY['agentbase_app', 'agentbase_gate', 'public']) role
     WHERE (nspname = 'partitions' OR (nspname = 'app' AND role = 'public')) AND has_schema_privilege(role, oid, 'USAGE')`,
    ({ role, schema }) => `${role} may use the schema ${schema}`,
  )),
];

interface Grant {
  schema: string;
  table: string;
  grantee: string;
  privilege: string;
  /** Whether the grant is on columns. */
  columns: boolean;
  grantable: boolean;
}

/** The table privileges of every role except the owner. */
async function readGrants(query: Query): Promise<Grant[]> {
  const grantee = "CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END AS grantee";
  return query<Grant>(`
    SELECT n.nspname::text AS schema, c.relname::text AS table, ${grantee}, acl.privilege_type AS privilege, false AS columns,
      acl.is_grantable AS grantable
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) acl
    WHERE n.nspname IN ${OURS} AND acl.grantee <> c.relowner AND c.relkind <> 'S'
    UNION SELECT n.nspname, c.relname, ${grantee}, acl.privilege_type, true, acl.is_grantable
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) acl
    WHERE n.nspname IN ${OURS} AND acl.grantee <> c.relowner`);
}

/** The grants are exactly the expected ones, held by the two roles only and without grant option. */
export const grantsAreExpected: Check = async (query) => {
  const grants = await readGrants(query);
  const names = [...(await readTables(query)).map(({ name }) => name), '_prisma_migrations'];
  const held = (table: string, role: string) =>
    grants
      .filter((grant) => grant.schema === 'public' && grant.table === table && grant.grantee === role)
      .map(({ privilege, columns }) => `${privilege}${columns ? '()' : ''}`)
      .sort()
      .join(', ');
  const differences = (role: string, expected: Record<string, string>) =>
    [...new Set([...names, ...Object.keys(expected)])]
      .filter((table) => held(table, role) !== (expected[table] ?? ''))
      .map((table) => `${role} holds (${held(table, role)}) on ${table} instead of (${expected[table] ?? ''})`);
  return [
    ...differences('agentbase_app', applicationGrants),
    ...differences('agentbase_gate', gateGrants),
    ...grants
      .filter(({ grantee }) => grantee !== 'agentbase_app' && grantee !== 'agentbase_gate')
      .map(({ schema, table, grantee, privilege }) => `${grantee} holds ${privilege} on ${schema}.${table}`),
    ...grants.filter(({ grantable }) => grantable).map(({ table, grantee }) => `${grantee} may pass on its rights on ${table}`),
    ...grants
      .filter(({ schema, table }) => schema === 'partitions' || (schema === 'app' && table !== 'rate_limits'))
      .map(({ schema, table, grantee, privilege }) => `${grantee} holds ${privilege} on ${schema}.${table}`),
  ];
};

/** Secret columns are not readable, and a column that looks like a secret must be listed. */
export const secretColumnsAreUnreadable: Check = async (query) => [
  ...(await problemsOf<{ column: string }>(
    query,
    `SELECT c.relname || '.' || a.attname AS column FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname || '.' || a.attname = ANY ('{${secretColumns}}')
       AND has_column_privilege('agentbase_app', c.oid, a.attnum, 'SELECT')`,
    ({ column }) => `agentbase_app can read ${column}`,
  )),
  ...(await problemsOf<{ column: string }>(
    query,
    `SELECT c.relname || '.' || a.attname AS column FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname ~ '(_hash|_secret|password)$'
       AND c.relname || '.' || a.attname <> ALL ('{${[...secretColumns, ...readableHashes, ...sealedColumns]}}')`,
    ({ column }) => `${column} looks like a secret and is not on the list`,
  )),
];

/** Lists and loaders select exactly the columns that the application role can read, except unsupported types. */
export const readableColumnsAreGranted: Check = async (query) => {
  const granted = await query<{ table: string; column: string; readable: boolean; type: string }>(`
    SELECT c.relname::text AS table, a.attname::text AS column, format_type(a.atttypid, a.atttypmod) AS type,
      has_column_privilege('agentbase_app', c.oid, a.attnum, 'SELECT') AS readable
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'
      AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum`);
  const models = new Map(tableModels.map((model) => [model.name, model]));
  return [
    ...tableModels
      .filter(({ name }) => !granted.some(({ table }) => table === name))
      .map(({ name }) => `the data model has ${name}, which is not a table`),
    ...granted.flatMap(({ table, column, readable, type }) => {
      const model = models.get(table)?.columns.find(({ name }) => name === column);
      if (!model) return [`the data model has no ${table}.${column}`];
      const selected = columnsOf(table).includes(column);
      if (!model.supported) {
        const problems = [
          ...(selected ? [`lists select ${table}.${column}, of the unsupported type ${type}`] : []),
          ...(model.type === type ? [] : [`${table}.${column} is a ${type} and not a ${model.type}`]),
        ];
        return problems;
      }
      if (selected === readable) return [];
      return [
        selected
          ? `lists select ${table}.${column}, which is not granted`
          : `lists leave out ${table}.${column}, which is granted`,
      ];
    }),
  ];
};

/** SECURITY DEFINER functions set their search_path, and only the expected roles can call them. */
export const securityDefinerFunctionsAreRestricted: Check = async (query) => {
  const rows = await query<{ name: string; path: string | null; owner: string; callers: string[] }>(`
    SELECT n.nspname || '.' || p.proname AS name, CASE p.proowner WHEN 'agentbase_gate'::regrole THEN 'agentbase_gate' ELSE 'owner' END AS owner,
      (SELECT setting FROM unnest(p.proconfig) setting WHERE setting LIKE 'search_path=%') AS path,
      coalesce((SELECT json_agg(DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END)
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl WHERE acl.grantee <> p.proowner), '[]') AS callers
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`);
  const found = new Set(rows.map(({ name }) => name));
  return [
    ...Object.keys(definerFunctions)
      .filter((name) => !found.has(name))
      .map((name) => `${name} is on the list and does not run with its owner's rights`),
    ...rows.flatMap(({ name, path, owner, callers }) => {
      const expected = definerFunctions[name];
      if (!expected) return [`${name} runs with its owner's rights and is not on the list`];
      return [
        ...(/^search_path=pg_catalog(, public)?, pg_temp$/.test(path ?? '') ? [] : [`${name} has ${path ?? 'no search_path'}`]),
        ...(owner === expected.owner ? [] : [`${name} is owned by ${owner} instead of ${expected.owner}`]),
        ...(callers.join() === expected.callers.join()
          ? []
          : [`${name} may be called by (${callers}) instead of (${expected.callers})`]),
      ];
    }),
  ];
};
