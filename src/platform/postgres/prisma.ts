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

/** A pool for the Prisma adapter that runs every statement through Database, with the session context. */
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
      : Promise.reject(new Error('this operation needs a transaction: run it inside database.transaction()'));
    return client as never;
  }
}

interface LoaderOptions {
  batchBy?: (request: object) => string | undefined;
  singleLoader?: (request: object) => Promise<unknown>;
  batchLoader?: (requests: object[]) => Promise<unknown>;
}

/**
 * Prisma merges all `findUnique` calls of one tick into one statement and sends it from the async context of the first call, so that two
 * requests in one tick would run as one tenant. This gives each request scope its own batches, sent from its own context. It relies on
 * internals of Prisma: start-up fails if they have moved, and a test covers two tenants in one tick.
 */
function isolateFindUniqueBatches(prisma: Prisma): void {
  const internals = prisma as unknown as { _requestHandler?: { dataloader?: { options?: LoaderOptions } } };
  const options = internals._requestHandler?.dataloader?.options;
  const { batchBy, singleLoader, batchLoader } = options ?? {};
  if (!options || !batchBy || !singleLoader || !batchLoader) {
    throw new Error(
      'the internals of Prisma that batch findUnique have moved: isolateFindUniqueBatches must be adapted to this version',
    );
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
  const inContext = <T>(request: object | undefined, send: () => T): T => {
    const context = request && contexts.get(request);
    return context ? context(send) : send();
  };
  options.singleLoader = (request) => inContext(request, () => singleLoader(request));
  options.batchLoader = (requests) => inContext(requests[0], () => batchLoader(requests));
}

/** Creates the Prisma client of the process. Its statements take their session context from the request scope. */
export function createPrisma(database: Database): Prisma {
  const statementNameGenerator = ({ sql }: { sql: string }) => statementNames.nameOf(sql);
  const adapter = new PrismaPg(new ScopedPool(database), database.preparedStatements ? { statementNameGenerator } : {});
  const prisma = new PrismaClient({ adapter, omit: unreadableColumns }) as Prisma;
  isolateFindUniqueBatches(prisma);
  return prisma;
}
