import type { Registry } from 'prom-client';
import type { Env } from '../../env.ts';
import type { Queues } from '../jobs/schema.ts';
import type { Catalog } from '../mcp-server/catalog.ts';
import type { Module, ModuleServiceOptions, Worker } from './define-module.ts';
import type { HttpRoute } from './http-route.ts';
import type { ModuleServices } from './registry.ts';
import type { WorkerServices } from './services.ts';

type AnyModule = Module<Partial<ModuleServices>>;
type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (member: infer All) => void
  ? All
  : never;

/** The services of all modules together. */
export type Provided<Modules extends readonly AnyModule[]> = Intersection<
  { [Index in keyof Modules]: ReturnType<NonNullable<Modules[Index]['services']>> }[number]
>;

/** The queues of all modules. Throws for one that two modules declare, and for a dead-letter queue that does not exist. */
export function mergeQueues(modules: readonly AnyModule[]): Queues {
  const queues: Queues = Object.fromEntries(modules.flatMap((module) => Object.entries(module.queues ?? {})));
  const names = modules.flatMap((module) => Object.keys(module.queues ?? {}));
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw new Error(`the queue ${duplicate} is declared twice`);
  for (const [name, { deadLetter }] of Object.entries(queues)) {
    if (deadLetter && !queues[deadLetter]) throw new Error(`the queue ${name} refers to ${deadLetter}, which no module declares`);
  }
  return queues;
}

/** Adds the types and fields of all modules to the schema builder, in the order of the modules. */
export async function loadSchemas(modules: readonly AnyModule[]): Promise<void> {
  for (const module of modules) await module.schema();
}

export function createModuleServices<const Modules extends readonly AnyModule[]>(
  modules: Modules,
  options: ModuleServiceOptions,
): Provided<Modules> {
  return Object.assign({}, ...modules.map((module) => module.services?.(options)));
}

/** Starts the job handlers and background workers of all modules. Close the result after the job queue. */
export async function startWork(modules: readonly AnyModule[], services: WorkerServices, env: Env): Promise<Worker> {
  const workers: Worker[] = [];
  for (const module of modules) {
    if (module.jobs) await services.jobs.work(await module.jobs(services), env.JOBS_CONCURRENCY);
    if (module.work) workers.push(await module.work(services, env));
  }
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

/** The MCP tools, resources and prompts of all modules. */
export async function loadCatalogs(modules: readonly AnyModule[]): Promise<Partial<Catalog>[]> {
  return Promise.all(modules.map(async (module) => (await module.mcp?.()) ?? {}));
}

export async function addModuleMetrics(
  modules: readonly AnyModule[],
  services: ModuleServices,
  registry: Registry,
): Promise<void> {
  for (const module of modules) await module.metrics?.(services, registry);
}

export function routesOf(modules: readonly AnyModule[]): HttpRoute[] {
  return modules.flatMap((module) => module.routes ?? []);
}
