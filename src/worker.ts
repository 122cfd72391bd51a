import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { connectPostgres } from './app/connections.ts';
import { startMaintenance } from './app/maintenance.ts';
import { meterCaches } from './app/metrics/cache-metrics.ts';
import { registerMcpMetrics } from './app/metrics/mcp-metrics.ts';
import { registerModelMetrics } from './app/metrics/model-metrics.ts';
import { moduleServicesOf, noticeBusOf, openServices } from './app/process-services.ts';
import { EnvironmentError, readEnv } from './env.ts';
import { modules } from './modules/index.ts';
import { checkHealth, type HealthChecks, statusCodeOf } from './platform/http/health.ts';
import { handleMetrics } from './platform/http/metrics-page.ts';
import { createLogger } from './platform/lib/logger.ts';
import { createLive } from './platform/live/live-views.ts';
import { addModuleMetrics, startWork } from './platform/module/module-parts.ts';

/** Runs jobs and maintains partitions. Responds to `/health/ready` and `/metrics` on PORT. */
async function main(): Promise<void> {
  const env = readEnv();
  if (!env.DATABASE_URL) throw new EnvironmentError('The worker needs DATABASE_URL: in embedded mode the server does its work.');
  const log = createLogger(env.LOG_LEVEL);
  const connections = await connectPostgres(env, log);
  const { database } = connections;
  const maintenance = await startMaintenance(database, log);
  const { close: closeParts, ...parts } = await openServices(env, connections, log, true);
  // A worker publishes changes and has no subscribers.
  const live = createLive({ database, log, transport: await noticeBusOf(env, log), revalidate: async () => false });
  // A worker encrypts nothing for clients, so a random secret suffices.
  const secret = randomBytes(48).toString('base64url');
  const services = { ...parts, ...moduleServicesOf(env, secret), database, live, log };
  const work = await startWork(modules, services, env);
  const checks: HealthChecks = {
    required: {
      postgres: async () => {
        await database.query('SELECT 1');
      },
    },
    // Runs of agents continue without it.
    optional: { storage: () => parts.storage.check() },
  };
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  meterCaches(registry);
  registerModelMetrics(parts.models, registry);
  registerMcpMetrics(parts.mcp, registry);
  await addModuleMetrics(modules, services, registry);
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      handleMetrics(registry, env, request, response).catch((error: unknown) => {
        log.error({ err: error }, 'metrics request failed');
        response.destroy();
      });
      return;
    }
    checkHealth(checks).then((health) => {
      response.writeHead(statusCodeOf(health), { 'content-type': 'application/json' });
      response.end(JSON.stringify(health));
    });
  });
  server.listen(env.PORT, env.HOST);
  // Rejects if the port is in use, such as by a server on the same machine.
  await once(server, 'listening');
  log.info({ address: server.address() }, 'worker started');
  const stopWorking = async () => {
    await closeParts();
    await work.close();
    await live.close();
    await connections.close();
  };
  const stop = (signal: string) => {
    log.info({ signal }, 'stopping');
    maintenance.stop();
    server.close();
    stopWorking().then(
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
