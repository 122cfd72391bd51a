import type { BenchDatabase } from '../fixtures/cluster.ts';

/** Statements that PostgreSQL executed, including those in functions and triggers, and how many of them it planned. */
export interface PlanCounts {
  executed: number;
  planned: number;
}

/** Excludes the job role, which polls the queues independently of requests. */
const COUNTS = `
  SELECT coalesce(sum(calls), 0)::float8 AS executed, coalesce(sum(plans), 0)::float8 AS planned FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND userid <> 'agentbase_jobs'::regrole`;

/** Enables pg_stat_statements for connections that servers open while `work` runs. It slows them. */
export async function countingPlans<T>(
  { owner, serverRole }: BenchDatabase,
  work: (counts: () => Promise<PlanCounts>) => Promise<T>,
): Promise<T> {
  const { rows } = await owner.query('SELECT current_database() AS name');
  const login = `ALTER ROLE ${serverRole} IN DATABASE ${rows[0].name}`;
  await owner.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await owner.query(`${login} SET pg_stat_statements.track = 'all'; ${login} SET pg_stat_statements.track_planning = on`);
  try {
    return await work(async () => (await owner.query<PlanCounts>(COUNTS)).rows[0] as PlanCounts);
  } finally {
    await owner.query(`${login} RESET ALL`);
  }
}
