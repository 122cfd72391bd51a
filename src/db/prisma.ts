import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { currentScope } from './context.ts';
import type { Database } from './database.ts';

/** Statements a connection keeps prepared. Past that, a statement is parsed each time instead of growing the server's memory. */
const MAX_PREPARED = 1000;

/** Secrets and hashes, which the application role may write and not read. */
const omit = {
  user: { passwordHash: true },
  invitation: { tokenHash: true },
  refreshToken: { tokenHash: true },
  apiKey: { keyHash: true },
} as const;

export type Prisma = PrismaClient<never, typeof omit>;

/** What the Prisma adapter takes for a pool: every statement goes through the one door, with its context. */
class TenantPool extends pg.Pool {
  readonly #database: Database;

  constructor(database: Database) {
    super({ max: 1 });
    this.#database = database;
  }

  override query(config: unknown): never {
    return this.#database.query(config as pg.QueryConfig) as never;
  }

  override connect(): never {
    const { transaction } = currentScope();
    const client = transaction
      ? Promise.resolve(transaction.nested())
      : Promise.reject(new Error('this operation writes in several statements: run it inside database.transaction()'));
    return client as never;
  }
}

/** An empty name leaves a statement unprepared. */
function statementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>();
  return ({ sql }) => {
    let name = names.get(sql);
    if (name === undefined && names.size < MAX_PREPARED) {
      name = `p_${createHash('sha1').update(sql).digest('base64url')}`;
      names.set(sql, name);
    }
    return name ?? '';
  };
}

interface LoaderOptions {
  batchBy?: (request: object) => string | undefined;
  singleLoader?: (request: object) => Promise<unknown>;
  batchLoader?: (requests: object[]) => Promise<unknown>;
}

/**
 * Prisma merges the `findUnique` calls of one tick into one statement, whoever made them, and sends every batch of the tick
 * from the context of whoever asked first. Two requests of one tick would share a tenant. Here each scope has batches of its
 * own, sent from its own context. This reaches into Prisma: it refuses to start if the place has moved, and a test holds
 * two tenants in one tick apart.
 */
function batchPerScope(prisma: Prisma): void {
  const internals = prisma as unknown as { _requestHandler?: { dataloader?: { options?: LoaderOptions } } };
  const options = internals._requestHandler?.dataloader?.options;
  const { batchBy, singleLoader, batchLoader } = options ?? {};
  if (!options || !batchBy || !singleLoader || !batchLoader) {
    throw new Error('Prisma no longer batches where it did: findUnique batches must be kept apart by scope');
  }
  const scopeKeys = new WeakMap<object, number>();
  const contexts = new WeakMap<object, ReturnType<typeof AsyncLocalStorage.snapshot>>();
  let last = 0;
  options.batchBy = (request) => {
    const batch = batchBy(request);
    if (batch === undefined) return undefined;
    const scope = currentScope();
    const key = scopeKeys.get(scope) ?? ++last;
    scopeKeys.set(scope, key);
    contexts.set(request, AsyncLocalStorage.snapshot());
    return `${key}:${batch}`;
  };
  const from = <T>(request: object | undefined, send: () => T): T => {
    const context = request && contexts.get(request);
    return context ? context(send) : send();
  };
  options.singleLoader = (request) => from(request, () => singleLoader(request));
  options.batchLoader = (requests) => from(requests[0], () => batchLoader(requests));
}

/** The Prisma client over a database. One for the whole process: who acts comes from the running scope. */
export function createPrisma(database: Database): Prisma {
  const names = statementNames();
  const adapter = new PrismaPg(new TenantPool(database), database.preparedStatements ? { statementNameGenerator: names } : {});
  const prisma = new PrismaClient({ adapter, omit }) as Prisma;
  batchPerScope(prisma);
  return prisma;
}
