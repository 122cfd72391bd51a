import { AsyncLocalStorage } from 'node:async_hooks';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { unreadableColumns } from '../../generated/data-model.ts';
import { PrismaClient } from '../../generated/prisma/client.ts';
import type { Database } from './database.ts';
import { StatementNames } from './protocol/prepared-statements.ts';
import { currentScope } from './request-scope.ts';

const statementNames = new StatementNames('prisma');

export type Prisma = PrismaClient<never, typeof unreadableColumns>;

/** What the Prisma adapter takes for a pool: every statement goes through the one door, with its context. */
class ScopedPool extends pg.Pool {
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
function isolateFindUniqueBatches(prisma: Prisma): void {
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
  const statementNameGenerator = ({ sql }: { sql: string }) => statementNames.nameOf(sql);
  const adapter = new PrismaPg(new ScopedPool(database), database.preparedStatements ? { statementNameGenerator } : {});
  const prisma = new PrismaClient({ adapter, omit: unreadableColumns }) as Prisma;
  isolateFindUniqueBatches(prisma);
  return prisma;
}
