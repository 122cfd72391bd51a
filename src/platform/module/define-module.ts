import type { Registry } from 'prom-client';
import type { Env } from '../../env.ts';
import { type MinimumRole, type Permission, registerPermissions, registerScopes, type Scope } from '../auth/permissions.ts';
import type { JobHandlers, QueueName } from '../jobs/job.ts';
import type { QueueOptions } from '../jobs/schema.ts';
import type { Catalog } from '../mcp-server/catalog.ts';
import { registerSqlStates, type SqlStateError } from '../postgres/errors.ts';
import type { HttpRoute } from './http-route.ts';
import type { ModuleServices } from './registry.ts';
import type { Services, WorkerServices } from './services.ts';

/** What the services of modules are made of. */
export interface ModuleServiceOptions {
  env: Env;
  /** Derive keys from it, each for one purpose. The same in all servers of an installation; a worker's opens nothing of theirs. */
  secret: string;
}

/** Work in the background that ends with the process. */
export interface Worker {
  /** Called after the jobs have stopped, while the database is still open. */
  close(): Promise<void>;
}

/**
 * Everything the composition root needs of a domain. Its parts are functions that import them: a migration loads no GraphQL, and
 * a server no MCP before the first MCP request.
 */
export interface ModuleDefinition<Provided extends Partial<ModuleServices>> {
  /** The name of its folder. */
  name: string;
  /** Its permissions, each with the lowest role that has it. */
  permissions?: Partial<Record<Permission, MinimumRole>>;
  /** What API keys may be restricted to, with the permissions of other modules that it takes. */
  scopes?: Partial<Record<Scope, readonly Permission[]>>;
  /** Errors for the SQLSTATEs that its triggers and functions raise. */
  sqlStates?: Readonly<Record<string, SqlStateError>>;
  queues?: Partial<Record<QueueName, QueueOptions>>;
  /** Adds its types and fields to the schema builder. */
  schema: () => Promise<unknown>;
  services?: (options: ModuleServiceOptions) => Provided;
  /** The handlers of short jobs. Each gets as many workers as JOBS_CONCURRENCY says. */
  jobs?: (services: WorkerServices) => Promise<JobHandlers>;
  /** Starts what works otherwise than one short job after another. */
  work?: (services: WorkerServices, env: Env) => Promise<Worker>;
  /** What it offers to MCP clients. */
  mcp?: () => Promise<Partial<Catalog>>;
  /** Adds its metrics to the registry. */
  metrics?: (services: Pick<Services, keyof ModuleServices>, registry: Registry) => Promise<void>;
  routes?: readonly HttpRoute[];
}

// biome-ignore lint/complexity/noBannedTypes: a module that provides no services
export type Module<Provided extends Partial<ModuleServices> = {}> = Readonly<ModuleDefinition<Provided>>;

/** Declares a domain, and registers its permissions, scopes and SQLSTATEs. Throws where another module has registered one of them. */
// biome-ignore lint/complexity/noBannedTypes: a module that provides no services
export function defineModule<Provided extends Partial<ModuleServices> = {}>(
  definition: ModuleDefinition<Provided>,
): Module<Provided> {
  registerPermissions(definition.permissions ?? {});
  registerScopes(definition.scopes ?? {});
  registerSqlStates(definition.sqlStates ?? {});
  return definition;
}
