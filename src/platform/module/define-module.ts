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

/** The configuration from which modules create their services. */
export interface ModuleServiceOptions {
  env: Env;
  /** Root of key derivation: derive one key per purpose. All servers of an installation share it; workers have another. */
  secret: string;
}

/** A background worker that runs until the process shuts down. */
export interface Worker {
  /** Called after the job queue has closed, while the database is still open. */
  close(): Promise<void>;
}

/**
 * All parts of a domain that the composition root uses. Functions import the parts on demand: a migration loads no GraphQL, and a server
 * loads no MCP tool before the first MCP request.
 */
export interface ModuleDefinition<Provided extends Partial<ModuleServices>> {
  /** The name of its folder. */
  name: string;
  /** The permissions of the domain, each with the lowest role that has it. */
  permissions?: Partial<Record<Permission, MinimumRole>>;
  /** Scopes of API keys, each with its permissions, which may be those of other modules. */
  scopes?: Partial<Record<Scope, readonly Permission[]>>;
  /** Errors for the SQLSTATEs that the triggers and functions of the domain raise. */
  sqlStates?: Readonly<Record<string, SqlStateError>>;
  queues?: Partial<Record<QueueName, QueueOptions>>;
  /** Adds the types and fields of the domain to the schema builder. */
  schema: () => Promise<unknown>;
  services?: (options: ModuleServiceOptions) => Provided;
  /** The handlers of short jobs. Each queue has JOBS_CONCURRENCY workers. */
  jobs?: (services: WorkerServices) => Promise<JobHandlers>;
  /** Starts background work that does not consist of short jobs. */
  work?: (services: WorkerServices, env: Env) => Promise<Worker>;
  /** Tools, resources and prompts for MCP clients. */
  mcp?: () => Promise<Partial<Catalog>>;
  /** Adds the metrics of the domain to the registry. */
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
