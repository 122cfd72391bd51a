import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import type { QueueOptions } from '../../platform/jobs/schema.ts';
import { InvalidStateError } from '../../platform/lib/errors.ts';
import { defineModule } from '../../platform/module/define-module.ts';
import { createRunMetrics, type RunMetrics } from './run-metrics.ts';

const permissions = {
  'agent:execute': 'MEMBER',
  'agent:approve': 'MEMBER',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'agents:execute': ['agent:read', 'agent:execute', 'conversation:read', 'conversation:write'],
  'agents:approve': ['agent:read', 'agent:approve'],
} as const satisfies Record<string, readonly Permission[]>;

const DAY_SECONDS = 86_400;

const queues = {
  // Only active runs have a job. Its time limit is above that of every agent, whose `timeoutMs` ends the run.
  'run.execute': { retryLimit: 10, retryDelayMax: 10, expireInSeconds: DAY_SECONDS, deadLetter: 'run.failed' },
  'run.failed': { retryLimit: 20 },
} as const satisfies Record<string, QueueOptions>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
  interface QueueRegistry extends Record<keyof typeof queues, unknown> {}
  interface ModuleServices {
    runMetrics: RunMetrics;
  }
}

export const runs = defineModule({
  name: 'runs',
  permissions,
  scopes,
  sqlStates: {
    AB003: (cause) => new InvalidStateError('The run or tool call has already ended.', { cause }),
  },
  queues,
  schema: () => import('./schema.ts'),
  services: () => ({ runMetrics: createRunMetrics() }),
  async work(services, env) {
    const { workOnRuns } = await import('./jobs.ts');
    const leaseMs = env.RUN_LEASE_SECONDS * 1000;
    return workOnRuns(services, { concurrency: env.RUNS_CONCURRENCY, settings: { leaseMs, renewMs: leaseMs / 3 } });
  },
  mcp: async () => (await import('./mcp-tools/index.ts')).runsForMcp,
  metrics: async ({ runMetrics }, registry) => (await import('./register-metrics.ts')).registerRunMetrics(runMetrics, registry),
});
