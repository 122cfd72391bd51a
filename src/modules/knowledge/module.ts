import type { MinimumRole, Permission } from '../../platform/auth/permissions.ts';
import type { QueueOptions } from '../../platform/jobs/schema.ts';
import { defineModule } from '../../platform/module/define-module.ts';
import { createUploadTokens, type UploadTokens } from './documents/upload-token.ts';
import type { KnowledgeLimits } from './services.ts';

const permissions = {
  'knowledge:read': 'VIEWER',
  'knowledge:write': 'MEMBER',
  'knowledge:configure': 'MEMBER',
} as const satisfies Record<string, MinimumRole>;

const scopes = {
  'knowledge:read': ['knowledge:read'],
  'knowledge:write': ['knowledge:read', 'knowledge:write'],
} as const satisfies Record<string, readonly Permission[]>;

const HOUR_SECONDS = 3_600;

const queues = {
  'document.process': { retryLimit: 8, expireInSeconds: HOUR_SECONDS, deadLetter: 'document.failed' },
  'document.failed': { retryLimit: 8 },
  'document.purge': { retryLimit: 20 },
  'evaluation.run': { retryLimit: 4, expireInSeconds: HOUR_SECONDS, deadLetter: 'evaluation.failed' },
  'evaluation.failed': { retryLimit: 8 },
} as const satisfies Record<string, QueueOptions>;

declare module '../../platform/module/registry.ts' {
  interface PermissionRegistry extends Record<keyof typeof permissions, unknown> {}
  interface ScopeRegistry extends Record<keyof typeof scopes, unknown> {}
  interface QueueRegistry extends Record<keyof typeof queues, unknown> {}
  interface ModuleServices {
    knowledgeLimits: KnowledgeLimits;
    uploadTokens: UploadTokens;
  }
}

const UPLOAD_MS = 30 * 60_000;
const UPLOAD_IDLE_MS = 30_000;

export const knowledge = defineModule({
  name: 'knowledge',
  permissions,
  scopes,
  queues,
  schema: () => import('./schema.ts'),
  services: ({ env, secret }) => ({
    knowledgeLimits: {
      maxUploadBytes: env.MAX_UPLOAD_BYTES,
      exactUpTo: env.SEARCH_EXACT_UP_TO,
      keepDeletedDays: env.DELETED_DOCUMENT_DAYS,
    },
    uploadTokens: createUploadTokens(secret),
  }),
  jobs: async (services) => (await import('./jobs.ts')).knowledgeJobs(services),
  mcp: async () => (await import('./mcp-tools/index.ts')).knowledgeForMcp,
  routes: [
    {
      prefix: '/uploads/',
      requestMs: UPLOAD_MS,
      idleMs: UPLOAD_IDLE_MS,
      handle: async (services, request) => (await import('./documents/upload-route.ts')).handleUpload(services, request),
    },
  ],
});
