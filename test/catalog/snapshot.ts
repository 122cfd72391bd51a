import type { Query } from './catalog.ts';

/** Replaces the name of the owner, which differs between databases. */
const OWNER = (column: string) =>
  `CASE WHEN ${column}::regrole::text LIKE 'agentbase%' THEN ${column}::regrole::text ELSE 'owner' END`;
const OURS = "('public', 'app', 'partitions')";

/** An access list as sorted `role=privileges`, without the owner. */
const RIGHTS = (acl: string, owner: string) =>
  `(SELECT string_agg(who || '=' || what, ' ' ORDER BY who) FROM (
     SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who, string_agg(lower(a.privilege_type), ',' ORDER BY a.privilege_type) AS what
     FROM aclexplode(${acl}) a WHERE a.grantee <> ${owner} GROUP BY a.grantee) r)`;

/**
 * One line for each object that the drift check does not cover. Omits what differs between versions of PostgreSQL (names of NOT NULL
 * constraints) and between months (partitions). Other tests cover those.
 */
const sections: Record<string, string> = {
  schemas: `SELECT nspname || ' of ' || ${OWNER('nspowner')} || coalesce(': ' || ${RIGHTS('nspacl', 'nspowner')}, '') FROM pg_namespace WHERE nspname IN ('app', 'partitions')`,
  tables: `SELECT n.nspname || '.' || c.relname || CASE c.relkind WHEN 'p' THEN ' partitioned by ' || pg_get_partkeydef(c.oid) ELSE '' END
      || CASE c.relpersistence WHEN 'u' THEN ' unlogged' ELSE '' END
      || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'app') AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname <> '_prisma_migrations'`,
  policies: `SELECT tablename || ' ' || policyname || ' ' || permissive || ' ' || cmd || ' to ' || array_to_string(roles, ',')
      || coalesce(' using ' || qual, '') || coalesce(' check ' || with_check, '') FROM pg_policies`,
  grants: `SELECT n.nspname || '.' || c.relname || ': ' || ${RIGHTS('c.relacl', 'c.relowner')}
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ${OURS} AND ${RIGHTS('c.relacl', 'c.relowner')} IS NOT NULL`,
  'column grants': `SELECT c.relname || '.' || a.attname || ': ' || ${RIGHTS('a.attacl', 'c.relowner')}
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ${OURS} AND a.attacl IS NOT NULL AND NOT a.attisdropped`,
  constraints: `SELECT c.conrelid::regclass || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE n.nspname IN ('public', 'app') AND c.contype <> 'n' AND c.conparentid = 0 AND r.relname <> '_prisma_migrations'`,
  indexes: `SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'app') AND c.relname <> '_prisma_migrations'`,
  triggers: `SELECT pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' ' || t.tgenabled::text END
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'app') AND NOT t.tgisinternal AND t.tgparentid = 0`,
  functions: `SELECT p.oid::regprocedure || ' returns ' || pg_get_function_result(p.oid) || ' language ' || l.lanname || ' of ' || ${OWNER('p.proowner')}
      || CASE p.provolatile WHEN 'i' THEN ' immutable' WHEN 's' THEN ' stable' ELSE ' volatile' END
      || CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END || coalesce(' ' || array_to_string(p.proconfig, ' '), '')
      || coalesce(': ' || ${RIGHTS("coalesce(p.proacl, acldefault('f', p.proowner))", 'p.proowner')}, '')
      || ' source ' || md5(regexp_replace(coalesce(NULLIF(p.prosrc, ''), pg_get_function_sqlbody(p.oid)), '\\s+', ' ', 'g'))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE n.nspname = 'app'`,
  types: `SELECT t.typname || ': ' || string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typnamespace = 'public'::regnamespace GROUP BY t.typname`,
  'kept by month': `SELECT table_name || coalesce(' unique (' || unique_columns || ')', '') || coalesce(' for ' || retention_months || ' months', '') FROM app.partitioned_tables`,
};

/** The catalog as text, identical on every database with the same migrations. */
export async function catalogText(query: Query): Promise<string> {
  const parts: string[] = [];
  for (const [title, sql] of Object.entries(sections)) {
    const rows = await query<{ line: string }>(`SELECT line FROM (${sql}) s(line) ORDER BY line COLLATE "C"`);
    parts.push(`## ${title}`, ...rows.map(({ line }) => line.replaceAll(/\s+/g, ' ')), '');
  }
  return parts.join('\n');
}
