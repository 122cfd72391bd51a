/**
 * Yoga, Pothos and Prisma as their documentation describes them, with an interactive transaction per operation that first sets the
 * session context. No tuning beyond the documentation.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { PrismaPg } from '@prisma/adapter-pg';
import { createYoga, type Plugin } from 'graphql-yoga';
import { PrismaClient } from '../../../src/generated/prisma/client.ts';
import { APPLICATION_ROLE } from '../../../src/platform/postgres/session-settings.ts';
import { type Caller, openCredentials, readSettings, TIMEOUTS } from './credentials.ts';
import { schema } from './stock-pothos-schema.ts';

const settings = readSettings();
const callerOf = await openCredentials(settings);
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: settings.databaseUrl, max: settings.poolSize }),
  // The application role has no privilege to read this column.
  omit: { user: { passwordHash: true } },
  transactionOptions: { maxWait: 10_000, timeout: 10_000 },
});

/** Sets the same context as src/platform/postgres/session-settings.ts for a transaction that may write. */
function setContext(tx: Pick<PrismaClient, '$executeRaw'>, caller: Caller) {
  return tx.$executeRaw`SELECT set_config('statement_timeout', ${String(TIMEOUTS.statementMs)}, true), set_config('lock_timeout', ${String(TIMEOUTS.lockMs)}, true),
    set_config('idle_in_transaction_session_timeout', ${String(TIMEOUTS.idleInTransactionMs)}, true), set_config('role', ${APPLICATION_ROLE}, true),
    set_config('app.tenant_id', ${caller.tenantId}, true), set_config('app.user_id', ${caller.userId}, true), set_config('app.api_key_id', ${caller.apiKeyId ?? ''}, true),
    set_config('app.request_id', ${caller.requestId ?? ''}, true), set_config('app.ip', ${caller.ip ?? ''}, true), set_config('app.user_agent', ${caller.userAgent ?? ''}, true)`;
}

const inTransaction: Plugin<{ caller: Caller }> = {
  onExecute({ executeFn, setExecuteFn }) {
    setExecuteFn((args) =>
      prisma.$transaction(async (tx) => {
        await setContext(tx, args.contextValue.caller);
        return executeFn({ ...args, contextValue: { ...args.contextValue, tx } });
      }),
    );
  },
};

const yoga = createYoga<{ req: IncomingMessage }, { caller: Caller }>({
  schema,
  plugins: [inTransaction],
  graphiql: false,
  logging: 'error',
  context: async ({ req }) => ({ caller: await callerOf(req) }),
});

const server = createServer({ keepAliveTimeout: 60_000 }, yoga);
server.listen(settings.port, '127.0.0.1', () => console.log(`listens at http://127.0.0.1:${settings.port}/graphql`));
