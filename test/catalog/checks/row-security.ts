import { type Check, isTenantTable, problemsOf, readTables } from '../catalog.ts';
import { otherPolicies, type Policy, tenantIsolation } from '../expectations.ts';

export const rowSecurityIsEnabledAndForced: Check = async (query) => [
  ...(await readTables(query))
    .filter(({ rowSecurity, forced }) => !rowSecurity || !forced)
    .map(({ name, rowSecurity }) => `${name}: row security is not ${rowSecurity ? 'forced' : 'enabled'}`),
  ...(await problemsOf<{ name: string }>(
    query,
    `SELECT relname::text AS name FROM pg_class
     WHERE relnamespace = 'partitions'::regnamespace AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)`,
    ({ name }) => `partitions.${name}: row security is not enabled and forced`,
  )),
];

interface PolicyRow extends Policy {
  table: string;
  name: string;
}

export async function readPolicies(query: Parameters<Check>[0]): Promise<PolicyRow[]> {
  return query<PolicyRow>(`
    SELECT tablename::text AS table, policyname::text AS name, cmd AS command, array_to_string(roles, ', ') AS role,
      regexp_replace(qual, '\\s+', ' ', 'g') AS using, regexp_replace(with_check, '\\s+', ' ', 'g') AS check,
      permissive = 'RESTRICTIVE' AS restrictive
    FROM pg_policies ORDER BY 1, 2`);
}

/** The policies are exactly the expected ones. */
export const policiesAreExpected: Check = async (query) => {
  const policies = await readPolicies(query);
  const expected: Record<string, Policy> = { ...otherPolicies };
  for (const table of await readTables(query)) {
    if (isTenantTable(table)) expected[`${table.name}.tenant_isolation`] = tenantIsolation;
  }
  const found = new Map(policies.map((policy) => [`${policy.table}.${policy.name}`, policy]));
  return [
    ...Object.keys(expected)
      .filter((name) => !found.has(name))
      .map((name) => `policy ${name} is missing`),
    ...[...found].flatMap(([name, policy]) => {
      const wanted = expected[name];
      if (!wanted) return [`policy ${name} is written down nowhere`];
      return (['command', 'role', 'using', 'check'] as const)
        .filter((part) => policy[part] !== wanted[part])
        .map((part) => `policy ${name}: ${part} is ${policy[part]} instead of ${wanted[part]}`)
        .concat(
          (policy.restrictive ?? false) === (wanted.restrictive ?? false) ? [] : [`policy ${name} is combined the wrong way`],
        );
    }),
  ];
};
