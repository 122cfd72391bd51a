/**
 * `npm run test:postgres [-- vitest arguments]`: runs the test suite on a PostgreSQL server instead of the
 * embedded database. `npm run test:nightly` runs only the suites that kill processes at random. Uses the server of
 * TEST_DATABASE_URL (a login that may create databases and roles) when it is set. Otherwise it starts a private
 * cluster, and a private Redis and PgBouncer where they are installed; the tests find them as TEST_DATABASE_URL,
 * TEST_REDIS_URL and TEST_PGBOUNCER_URL.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isInstalled, startPgbouncer, startPostgres, startRedis } from './private-services.ts';
import type { PrivateService } from './supervise.ts';

type Environment = Record<string, string>;

async function startServices(started: PrivateService[]): Promise<Environment> {
  if (process.env.TEST_DATABASE_URL) return {};
  const postgres = await startPostgres();
  started.push(postgres);
  const environment: Environment = { TEST_DATABASE_URL: postgres.url() };
  if (isInstalled('pgbouncer')) {
    const pgbouncer = await startPgbouncer(postgres);
    started.push(pgbouncer);
    environment.TEST_PGBOUNCER_URL = pgbouncer.url();
  }
  if (isInstalled('redis') && !process.env.TEST_REDIS_URL) {
    const redis = await startRedis();
    started.push(redis);
    environment.TEST_REDIS_URL = redis.url;
  }
  return environment;
}

async function runVitest(environment: Environment): Promise<number> {
  const vitest = fileURLToPath(new URL('../node_modules/.bin/vitest', import.meta.url));
  const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
    env: { ...process.env, ...environment },
    stdio: 'inherit',
  });
  // A terminal sends SIGINT to both processes. Vitest exits by itself, then this process stops the services.
  const ignore = () => {};
  const forward = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore);
  process.on('SIGTERM', forward);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', ignore);
  process.off('SIGTERM', forward);
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

const started: PrivateService[] = [];
try {
  process.exitCode = await runVitest(await startServices(started));
} finally {
  for (const service of started.reverse()) await service.stop();
}
