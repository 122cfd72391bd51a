import { readToolEnv } from '../env.ts';
import { install } from '../modules/index.ts';
import { appliedMigrations, migrate, migrateDown } from '../platform/migrations/migrate.ts';
import { migrationNames } from '../platform/migrations/migration-files.ts';
import { openPool } from '../platform/postgres/connect.ts';

/** `npm run db:migrate`, `npm run db:migrate -- status`, `npm run db:migrate -- down [count]`: as the owner of the tables. */
async function main([command = 'up', count = '1']: string[]): Promise<void> {
  const env = readToolEnv();
  const connectionString = env.DATABASE_OWNER_URL ?? env.DATABASE_URL;
  if (!connectionString)
    throw new Error('Set DATABASE_OWNER_URL or DATABASE_URL. The embedded database migrates itself when it starts.');
  // Migrations of large tables are slow: only waits for locks have a limit.
  const pool = openPool({ connectionString, max: 2, connectionTimeoutMs: 10_000, queryTimeoutMs: 0 });
  try {
    if (command === 'up') {
      const report = (problem: string) => console.error(`warning: ${problem}`);
      const applied = await migrate(pool, { install, serverRole: env.DATABASE_SERVER_ROLE, report });
      console.log(applied.length > 0 ? applied.map((name) => `applied ${name}`).join('\n') : 'The database is up to date.');
    } else if (command === 'status') {
      const applied = new Set(await appliedMigrations(pool));
      for (const name of migrationNames()) console.log(`${applied.has(name) ? 'applied' : 'missing'} ${name}`);
    } else if (command === 'down' && /^\d+$/.test(count)) {
      for (const name of await migrateDown(pool, Number(count))) console.log(`reverted ${name}`);
    } else {
      throw new Error('usage: npm run db:migrate [-- status | -- down COUNT]');
    }
  } finally {
    await pool.end();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
