import { once } from 'node:events';
import { createServer } from 'node:http';
import { EnvironmentError, readEnv } from './env.ts';
import { createLogger } from './lib/logger.ts';
import { connectPostgres } from './server/connections.ts';
import { checkHealth } from './server/health.ts';
import { startMaintenance } from './server/maintenance.ts';

/** What runs apart from the servers: today the upkeep of partitions. Answers `/health/ready` on PORT. */
async function main(): Promise<void> {
  const env = readEnv();
  if (!env.DATABASE_URL) throw new EnvironmentError('The worker needs DATABASE_URL: in embedded mode the server does its work.');
  const log = createLogger(env.LOG_LEVEL);
  const connections = await connectPostgres(env, log);
  const maintenance = await startMaintenance(connections.database, log);
  const checks = {
    postgres: async () => {
      await connections.database.query('SELECT 1');
    },
  };
  const server = createServer((_request, response) => {
    checkHealth(checks).then(({ ready, parts }) => {
      response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: ready ? 'ready' : 'unavailable', parts }));
    });
  });
  server.listen(env.PORT, env.HOST);
  // Rejects when the port is taken, as by a server on the same machine.
  await once(server, 'listening');
  log.info({ address: server.address() }, 'the worker runs: it keeps partitions, and answers /health/ready');
  const stop = (signal: string) => {
    log.info({ signal }, 'stopping');
    maintenance.stop();
    server.close();
    connections.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`The worker could not start.\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
