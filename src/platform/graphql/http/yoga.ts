import { createFetch } from '@whatwg-node/fetch';
import type { GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Env } from '../../../env.ts';
import type { RequestContext } from '../../auth/viewer.ts';
import type { GraphQLContext, Services } from '../context.ts';
import { planObstaclesOf } from '../executor/plan-support.ts';
import { createLoaders } from '../loaders.ts';
import type { NamedPlugin } from './fast-path-plugins.ts';
import { type GraphiqlPage, graphiql } from './graphiql.ts';
import { createMaskError } from './mask-error.ts';
import { useCsrfPrevention } from './plugins/csrf-prevention.ts';
import { useDisableIntrospection } from './plugins/disable-introspection.ts';
import { useOperationComplexity } from './plugins/operation-complexity.ts';
import { useOperationLimits } from './plugins/operation-limits.ts';
import { type PersistedOperations, persistedOperations } from './plugins/persisted-operations.ts';
import { useRequestParsing } from './plugins/request-parsing.ts';
import { useSharedSse } from './plugins/shared-sse.ts';
import { useTenantContext } from './plugins/tenant-context.ts';
import { useTokenLimit } from './plugins/token-limit.ts';
import { useVariableValidation } from './plugins/variable-validation.ts';
import type { ValidatedDocumentCache } from './validated-documents.ts';
import { verifyYogaInternals } from './yoga-internals.ts';

/** The authenticated request that the HTTP server passes to Yoga. */
export type RequestAuth = RequestContext;

/** Limits of multipart requests: `operations` and `map`, and the files they name. */
const FORM_LIMITS = { fieldNameSize: 100, fieldSize: 65_536, fields: 2, files: 10, parts: 12, headerPairs: 20 };

function named(name: string, plugin: object): NamedPlugin {
  return { name, plugin: plugin as Plugin };
}

export type Yoga = YogaServerInstance<{ requestContext: RequestAuth }, GraphQLContext>;

export interface YogaDeps {
  env: Env;
  services: Services;
  observe: NamedPlugin[];
  persisted: PersistedOperations | undefined;
  prepared: ValidatedDocumentCache;
  schema: GraphQLSchema;
  graphiqlPage?: GraphiqlPage;
}

export interface GraphQLServer {
  yoga: Yoga;
  /** In order of execution. */
  plugins: readonly NamedPlugin[];
}

/** Creates the server for GraphQL over HTTP: JSON, multipart uploads, and subscriptions over SSE. */
export async function createGraphQLServer({
  env,
  services,
  observe,
  persisted,
  prepared,
  schema,
  graphiqlPage = async () => ({ defaultQuery: '', authorization: undefined }),
}: YogaDeps): Promise<GraphQLServer> {
  const { complexity, depth, breadth } = services.operationLimits;
  const obstacles = planObstaclesOf(schema);
  if (obstacles.length > 0) services.log.warn({ obstacles }, 'GraphQL query plans disabled: unverified Pothos schema');
  const plugins: NamedPlugin[] = [
    named('token-limit', useTokenLimit(env.MAX_TOKENS)),
    named(
      'operation-limits',
      useOperationLimits({
        depth,
        aliases: env.MAX_ALIASES,
        directives: env.MAX_DIRECTIVES,
        fields: breadth,
        repeats: 50,
      }),
    ),
    ...(env.INTROSPECTION ? [] : [named('introspection-off', useDisableIntrospection())]),
    named('csrf-prevention', useCsrfPrevention()),
    named('event-streams', useSharedSse()),
    named('request-parsing', useRequestParsing()),
    ...(persisted
      ? persistedOperations(persisted, env.PERSISTED_OPERATIONS_ONLY).map((plugin) => named('persisted-operations', plugin))
      : []),
    ...observe,
    named('variables', useVariableValidation({ hideSuggestions: !env.INTROSPECTION })),
    named('tenant-context', useTenantContext()),
    named('operation-cost', useOperationComplexity(complexity)),
    named('prepared-operations', prepared.plugin()),
  ];
  const yoga = createYoga<{ requestContext: RequestAuth }, GraphQLContext>({
    schema,
    logging: false,
    landingPage: false,
    batching: false,
    healthCheckEndpoint: '/health/yoga',
    graphqlEndpoint: '/graphql',
    fetchAPI: createFetch({ formDataLimits: { ...FORM_LIMITS, fileSize: env.MAX_BODY_BYTES } }),
    maskedErrors: { maskError: createMaskError(services.log) },
    cors:
      env.CORS_ORIGINS.length > 0
        ? { origin: env.CORS_ORIGINS, credentials: false, maxAge: 86_400, exposedHeaders: ['x-request-id', 'retry-after'] }
        : false,
    ...(await graphiql(env.GRAPHIQL, graphiqlPage)),
    context: ({ requestContext }) => ({ ...services, ...requestContext, loaders: createLoaders() }) as never,
    plugins: plugins.map(({ plugin }) => plugin) as never,
  }) as Yoga;
  await verifyYogaInternals(yoga.fetchAPI);
  return { yoga, plugins };
}
