import type pg from 'pg';
import { installQueues } from '../platform/jobs/schema.ts';
import { mergeQueues } from '../platform/module/module-parts.ts';
import { agents } from './agents/module.ts';
import { audit } from './audit/module.ts';
import { conversations } from './conversations/module.ts';
import { knowledge } from './knowledge/module.ts';
import { modelUsage } from './model-usage/module.ts';
import { runs } from './runs/module.ts';
import { tenancy } from './tenancy/module.ts';
import { toolServers } from './tool-servers/module.ts';

/** All modules, each after those that it imports. */
export const modules = [tenancy, agents, conversations, modelUsage, knowledge, toolServers, runs, audit] as const;

const queues = mergeQueues(modules);

/** Installs what the modules need in the database besides the migrations. */
export function install(client: pg.ClientBase): Promise<void> {
  return installQueues(client, queues);
}
