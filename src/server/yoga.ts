import type { GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { RequestInfo, Viewer } from '../auth/viewer.ts';
import type { Env } from '../env.ts';
import { limits } from '../graphql/builder.ts';
import type { GraphQLContext, Services } from '../graphql/context.ts';
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
import { graphiql } from './graphiql.ts';

/** What the edge knows of a request before the graph sees it. */
export interface EdgeContext {
  viewer: Viewer | null;
  request: RequestInfo;
}

export type Yoga = YogaServerInstance<{ edge: EdgeContext }, GraphQLContext>;

export interface YogaParts {
  env: Env;
  services: Services;
  observe: Plugin[];
  persisted: PersistedOperations | undefined;
  prepared: PreparedOperations;
  schema: GraphQLSchema;
}

/** GraphQL over HTTP, by the specification: JSON, multipart uploads, and subscriptions over SSE. */
export async function createGraphQLServer({ env, services, observe, persisted, prepared, schema }: YogaParts): Promise<Yoga> {
  limits.complexity = env.MAX_COMPLEXITY;
  limits.depth = env.MAX_DEPTH;
  return createYoga<{ edge: EdgeContext }, GraphQLContext>({
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
    plugins: [
      bodyLimit(env.MAX_BODY_BYTES),
      tokenLimit(env.MAX_TOKENS),
      operationLimits({
        depth: env.MAX_DEPTH,
        aliases: env.MAX_ALIASES,
        directives: env.MAX_DIRECTIVES,
        fields: limits.breadth,
        repeats: 50,
      }),
      ...(env.INTROSPECTION ? [] : [introspectionOff()]),
      csrfPrevention(),
      eventStreams(),
      requestParsing(),
      ...(persisted ? persistedOperations(persisted, env.PERSISTED_OPERATIONS_ONLY) : []),
      ...observe,
      variables({ hideSuggestions: !env.INTROSPECTION }),
      tenantContext() as Plugin,
      operationCost(env.MAX_COMPLEXITY) as Plugin,
      prepared.plugin(),
    ] as never,
  }) as Yoga;
}
