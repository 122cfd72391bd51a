import { type Check, problemsOf } from '../catalog.ts';

/** A partitioned table has a default partition and is registered in app.partitioned_tables. */
export const partitionedTablesAreRegistered: Check = (query) =>
  problemsOf<{ name: string; hasDefault: boolean; registered: boolean }>(
    query,
    `SELECT * FROM (
       SELECT c.relname::text AS name, p.partdefid <> 0 AS "hasDefault", EXISTS (SELECT FROM app.partitioned_tables t WHERE t.table_name = c.relname) AS registered
       FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid WHERE c.relnamespace = 'public'::regnamespace) t
     WHERE NOT ("hasDefault" AND registered)`,
    ({ name, hasDefault }) => `${name} ${hasDefault ? 'is not in app.partitioned_tables' : 'has no default partition'}`,
  );

export const partitionsAreInTheirSchema: Check = (query) =>
  problemsOf<{ name: string }>(
    query,
    `SELECT i.inhrelid::regclass::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
     WHERE p.relkind = 'p' AND p.relnamespace = 'public'::regnamespace AND c.relnamespace <> 'partitions'::regnamespace`,
    ({ name }) => `${name} is not in the schema of partitions`,
  );
