import { type DocumentNode, getOperationAST } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Models } from '../../platform/ai/models.ts';
import type { OperationMetrics } from '../../platform/graphql/http/fast-path.ts';
import type { Live } from '../../platform/live/live.ts';
import type { Mcp } from '../../platform/mcp-client/mcp.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { meterCaches } from './cache-metrics.ts';
import { registerMcpMetrics } from './mcp-metrics.ts';
import { registerModelMetrics } from './model-metrics.ts';

export interface Metrics extends OperationMetrics {
  registry: Registry;
  /** Measures the operations that Yoga executes. */
  plugin: Plugin;
  /** Reports the start of a request. The returned function reports the end of its response. */
  request(route: string): (status: number) => void;
}

export interface MeteredServices {
  database: Database;
  live: Live;
  models: Models;
  mcp: Mcp;
}

/** Creates the Prometheus metrics of one server, in a registry of its own. */
export function createMetrics({ database, live, models, mcp }: MeteredServices): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const operations = new Histogram({
    name: 'agentbase_graphql_operation_seconds',
    help: 'Time to execute a GraphQL operation.',
    labelNames: ['type', 'outcome'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const requests = new Histogram({
    name: 'agentbase_http_request_seconds',
    help: 'Time from an HTTP request to the end of its response, which for a stream is the end of the stream.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const statements = new Counter({ name: 'agentbase_database_statements_total', help: 'SQL statements sent.', registers });
  const previous = database.onStatement;
  database.onStatement = (text) => {
    previous(text);
    statements.inc();
  };
  new Gauge({
    name: 'agentbase_database_connections',
    help: 'Connections of the pool by state; waiting are requests without one.',
    labelNames: ['state'],
    registers,
    collect() {
      const { totalCount, idleCount, waitingCount } = database.pool;
      this.set({ state: 'busy' }, totalCount - idleCount);
      this.set({ state: 'idle' }, idleCount);
      this.set({ state: 'waiting' }, waitingCount);
    },
  });
  new Gauge({
    name: 'agentbase_live',
    help: 'Open live views and their feeds.',
    labelNames: ['what'],
    registers,
    collect() {
      for (const [what, count] of Object.entries(live.stats())) this.set({ what }, count);
    },
  });
  meterCaches(registry);
  registerModelMetrics(models, registry);
  registerMcpMetrics(mcp, registry);
  const operation: Metrics['operation'] = (type) => {
    const end = operations.startTimer({ type });
    return (outcome) => {
      end({ outcome });
    };
  };
  return {
    registry,
    operation,
    plugin: {
      onExecute({ args }) {
        const end = operation(getOperationAST(args.document as DocumentNode, args.operationName)?.operation ?? 'unknown');
        return {
          onExecuteDone({ result }) {
            end(!isAsyncIterable(result) && result.errors ? 'error' : 'ok');
          },
        };
      },
    },
    request(route) {
      const end = requests.startTimer({ route });
      return (status) => {
        end({ status: String(status) });
      };
    },
  };
}
