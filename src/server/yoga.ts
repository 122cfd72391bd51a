import type { GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { RequestContext } from '../auth/viewer.ts';
import type { Env } from '../env.ts';
import type { GraphQLContext, Services } from '../graphql/context.ts';
import { planObstaclesOf } from '../graphql/execution/plan-support.ts';
import { createLoaders } from '../graphql/loaders.ts';
import { createMaskError } from '../graphql/mask-error.ts';
import { bodyLimit } from '../graphql/plugins/body-limit.ts';
import { csrfPrevention } from '../graphql/plugins/csrf-prevention.ts';
import { eventStreams } from '../graphql/plugins/event-streams.ts';
import { introspectionOff } from '../graphql/plugins/introspection.ts';
import { operationCost } from '../graphql/plugins/operation-cost.ts';
import { operationLimits } from '../graphql/plugins/operation-limits.ts';
import { type PersistedOperations, persistedOperations } from '../graphql/plugins/persisted-operations.ts';
import { requestParsing } from '../graphql/plugins/request-parsing.ts';
import { tenantContext } from '../graphql/plugins/tenant-context.ts';
import { tokenLimit } from '../graphql/plugins/token-limit.ts';
import { variables } from '../graphql/plugins/variables.ts';
import type { PreparedOperations } from '../graphql/prepared-operations.ts';
import type { NamedPlugin } from './fast-path-plugins.ts';
import { graphiql } from './graphiql.ts';
import { verifyYogaInternals } from './yoga-internals.ts';

/** What the HTTP server passes to Yoga with a request. */
export type EdgeContext = RequestContext;

function named(name: string, plugin: object): NamedPlugin {
  return { name, plugin: plugin as Plugin };
}

export type Yoga = YogaServerInstance<{ edge: EdgeContext }, GraphQLContext>;

export interface YogaParts {
  env: Env;
  services: Services;
  observe: NamedPlugin[];
  persisted: PersistedOperations | undefined;
  prepared: PreparedOperations;
  schema: GraphQLSchema;
}

export interface GraphQLServer {
  yoga: Yoga;
  /** In their order. */
  plugins: readonly NamedPlugin[];
}

/** GraphQL over HTTP, by the specification: JSON, multipart uploads, and subscriptions over SSE. */
export async function createGraphQLServer({
  env,
  services,
  observe,
  persisted,
  prepared,
  schema,
}: YogaParts): Promise<GraphQLServer> {
  const { complexity, depth, breadth } = services.operationLimits;
  const obstacles = planObstaclesOf(schema);
  if (obstacles.length > 0) services.log.warn({ obstacles }, 'GraphQL query plans disabled: unverified Pothos schema');
  const plugins: NamedPlugin[] = [
    named('body-limit', bodyLimit(env.MAX_BODY_BYTES)),
    named('token-limit', tokenLimit(env.MAX_TOKENS)),
    named(
      'operation-limits',
      operationLimits({
        depth,
        aliases: env.MAX_ALIASES,
        directives: env.MAX_DIRECTIVES,
        fields: breadth,
        repeats: 50,
      }),
    ),
    ...(env.INTROSPECTION ? [] : [named('introspection-off', introspectionOff())]),
    named('csrf-prevention', csrfPrevention()),
    named('event-streams', eventStreams()),
    named('request-parsing', requestParsing()),
    ...(persisted
      ? persistedOperations(persisted, env.PERSISTED_OPERATIONS_ONLY).map((plugin) => named('persisted-operations', plugin))
      : []),
    ...observe,
    named('variables', variables({ hideSuggestions: !env.INTROSPECTION })),
    named('tenant-context', tenantContext()),
    named('operation-cost', operationCost(complexity)),
    named('prepared-operations', prepared.plugin()),
  ];
  const yoga = createYoga<{ edge: EdgeContext }, GraphQLContext>({
    schema,
    logging: false,
    landingPage: false,
    batching: false,
    healthCheckEndpoint: '/health/yoga',
    graphqlEndpoint: '/graphql',
    maskedErrors: { maskError: createMaskError(services.log) },
    cors:
      env.CORS_ORIGINS.length > 0
        ? { origin: env.CORS_ORIGINS, credentials: false, maxAge: 86_400, exposedHeaders: ['x-request-id', 'retry-after'] }
        : false,
    ...(await graphiql(env.GRAPHIQL)),
    context: ({ edge }) => ({ ...services, ...edge, loaders: createLoaders() }) as never,
    plugins: plugins.map(({ plugin }) => plugin) as never,
  }) as Yoga;
  await verifyYogaInternals(yoga.fetchAPI);
  return { yoga, plugins };
}
