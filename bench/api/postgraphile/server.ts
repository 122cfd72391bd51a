/**
 * PostGraphile 5 over the tables of Agentbase, configured for production as its documentation says: no watch mode, no explain, no
 * GraphiQL, prepared statements. Uses the role and policies of Agentbase; `pgSettings` sets the session context.
 */
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { TYPES } from 'postgraphile/@dataplan/pg';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { APPLICATION_ROLE } from '../../../src/platform/postgres/session-settings.ts';
import { type Caller, openCredentials, readSettings, TIMEOUTS } from '../servers/credentials.ts';

const settings = readSettings();
const callerOf = await openCredentials(settings);

/** The same context as src/platform/postgres/session-settings.ts for a transaction that may write. */
function pgSettingsOf(caller: Caller): Record<string, string> {
  return {
    role: APPLICATION_ROLE,
    statement_timeout: String(TIMEOUTS.statementMs),
    lock_timeout: String(TIMEOUTS.lockMs),
    idle_in_transaction_session_timeout: String(TIMEOUTS.idleInTransactionMs),
    'app.tenant_id': caller.tenantId,
    'app.user_id': caller.userId,
    'app.api_key_id': caller.apiKeyId ?? '',
    'app.request_id': caller.requestId ?? '',
    'app.ip': caller.ip ?? '',
    'app.user_agent': caller.userAgent ?? '',
  };
}

/** PostGraphile has no codec for the type `vector`. No operation of the benchmark selects it. */
const VectorPlugin: GraphileConfig.Plugin = {
  name: 'VectorPlugin',
  version: '1.0.0',
  gather: {
    hooks: {
      async pgCodecs_findPgCodec(_info, event) {
        if (event.pgType.typname === 'vector') event.pgCodec ??= TYPES.text;
      },
    },
  },
};

const pgl = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [VectorPlugin],
  // Lists are ordered by the second column of indexes that start with the tenant. This plugin considers only the first as indexed.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [
    makePgService({ connectionString: settings.databaseUrl, schemas: ['public'], poolConfig: { max: settings.poolSize } }),
  ],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: {
    explain: false,
    async context({ node }) {
      if (!node) throw new Error('the context needs an HTTP request');
      return { pgSettings: pgSettingsOf(await callerOf(node.req)) };
    },
  },
});

const server = createServer({ keepAliveTimeout: 60_000 });
await pgl.createServ(grafserv).addTo(server);
await pgl.getSchema();
server.listen(settings.port, '127.0.0.1', () => console.log(`listens at http://127.0.0.1:${settings.port}/graphql`));
