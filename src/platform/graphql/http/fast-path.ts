import type { IncomingMessage, ServerResponse } from 'node:http';
import { getOperationAST } from 'graphql';
import type { Env } from '../../../env.ts';
import type { GraphQLContext, Services } from '../context.ts';
import { executeOperation, type OperationExecution } from '../executor/execute.ts';
import { joinChunks } from '../executor/json-chunks.ts';
import { serializedChunks } from '../executor/serialized-result.ts';
import { createLoaders } from '../loaders.ts';
import { type NamedPlugin, verifyFastPathPlugins } from './fast-path-plugins.ts';
import { createMaskError } from './mask-error.ts';
import { measureOperation, type OperationSize } from './operation-complexity.ts';
import { withComplexity } from './plugins/operation-complexity.ts';
import type { PersistedOperations } from './plugins/persisted-operations.ts';
import { checkVariables } from './plugins/variable-validation.ts';
import type { ValidatedDocument, ValidatedDocumentCache } from './validated-documents.ts';
import type { RequestAuth, Yoga } from './yoga.ts';
import { formatResult } from './yoga-internals.ts';

export interface OperationMetrics {
  /** Reports the start of an operation. The returned function reports its end. */
  operation(type: string): (outcome: 'ok' | 'error') => void;
}

export interface FastPathDeps {
  env: Env;
  yoga: Yoga;
  /** All plugins of Yoga. */
  plugins: readonly NamedPlugin[];
  persisted: PersistedOperations | undefined;
  prepared: ValidatedDocumentCache;
  services: Services;
  metrics: OperationMetrics;
}

/**
 * Responds to a request with this JSON body and returns true, or returns false for Yoga to handle it. Runs as the viewer of the request.
 */
export type FastPath = (
  request: IncomingMessage,
  response: ServerResponse,
  requestContext: RequestAuth,
  body: object,
) => Promise<boolean>;

interface Params {
  query: string | undefined;
  operationName: string | undefined;
  variables: Record<string, unknown> | undefined;
  extensions: Record<string, unknown> | undefined;
}

const JSON_BODY = /^application\/json *(?:; *charset=utf-8)?$/i;
/** The media types of results. The last one is the default. */
const RESULTS = ['application/graphql-response+json', 'application/json'];
const NAMES = new Set(['query', 'operationName', 'variables', 'extensions']);

/** The media type that Yoga would choose: the first one in Accept that it supports. */
function resultTypeOf(accept = '*/*'): string | undefined {
  if (accept === '*/*' || accept === 'application/json') return RESULTS[1];
  for (const accepted of accept.replace(/\s/g, '').toLowerCase().split(',')) {
    const [type, ...parameters] = accepted.split(';');
    const charset = parameters.find((parameter) => parameter.includes('charset='));
    if (charset !== undefined && charset !== 'charset=utf-8') continue;
    if (type === '*/*' || type === 'application/*') return RESULTS[1];
    if (type && RESULTS.includes(type)) return type;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for anything but a plain operation: Yoga reports what is wrong with it. */
function paramsOf(parsed: object): Params | undefined {
  if (!isObject(parsed) || !Object.keys(parsed).every((name) => NAMES.has(name))) return undefined;
  const { query, operationName, variables, extensions } = parsed;
  if (query != null && typeof query !== 'string') return undefined;
  if (operationName != null && typeof operationName !== 'string') return undefined;
  if (variables != null && !isObject(variables)) return undefined;
  if (extensions != null && !isObject(extensions)) return undefined;
  return {
    query: query ?? undefined,
    operationName: operationName ?? undefined,
    variables: variables ?? undefined,
    extensions: extensions ?? undefined,
  };
}

/** The id of a persisted operation, as Apollo's clients send it. */
function idOf({ extensions }: Params): string | undefined {
  const persisted = extensions?.persistedQuery;
  return isObject(persisted) && persisted.version === 1 && typeof persisted.sha256Hash === 'string'
    ? persisted.sha256Hash
    : undefined;
}

/** The execution; undefined if the variables or the name are wrong, which Yoga reports. */
function argsOf(
  { schema, document }: ValidatedDocument,
  { variables, operationName }: Params,
  contextValue: GraphQLContext,
): OperationExecution | undefined {
  const args = { schema, document, operationName, variableValues: variables, contextValue };
  try {
    checkVariables(args, true);
    return operationName === undefined || getOperationAST(document, operationName) != null ? args : undefined;
  } catch {
    return undefined;
  }
}

/** The size; undefined if arguments break a rule of their field, which Yoga reports. */
function measured(args: OperationExecution): OperationSize | undefined {
  try {
    return measureOperation(args);
  } catch {
    return undefined;
  }
}

/**
 * The fast path of almost every request: a query or mutation with JSON request and response, whose document Yoga and its plugins have
 * parsed, validated and executed before. It checks the variables, measures the operation and executes it. Anything new, unusual or wrong
 * before the execution goes to Yoga unchanged, so that the response is the same. Throws if Yoga has a plugin that the fast path does not
 * account for.
 */
export function createFastPath({ env, yoga, plugins, persisted, prepared, services, metrics }: FastPathDeps): FastPath {
  verifyFastPathPlugins(plugins);
  const maskError = createMaskError(services.log);

  function isEligible({ url, headers }: IncomingMessage): boolean {
    return (
      url === '/graphql' &&
      JSON_BODY.test(headers['content-type'] ?? '') &&
      (headers.origin === undefined || env.CORS_ORIGINS.length === 0 || env.CORS_ORIGINS.includes(headers.origin))
    );
  }

  /** The document that Yoga would execute. */
  function textOf(params: Params): string | undefined {
    if (params.query !== undefined) return env.PERSISTED_OPERATIONS_ONLY ? undefined : params.query;
    const id = idOf(params);
    return id === undefined ? undefined : persisted?.get(id);
  }

  return async (request, response, requestContext, body) => {
    const resultType = isEligible(request) ? resultTypeOf(request.headers.accept) : undefined;
    if (resultType === undefined) return false;
    const params = paramsOf(body);
    const text = params && textOf(params);
    const operation = text === undefined ? undefined : prepared.get(text);
    const contextValue = { ...services, ...requestContext, loaders: createLoaders() } as GraphQLContext;
    const args = params && operation && argsOf(operation, params, contextValue);
    const size = args && measured(args);
    if (!operation || !args || !size) return false;
    const { complexity } = size;
    const end = metrics.operation(operation.type);
    const executed = await executeOperation(args);
    end(executed.errors ? 'error' : 'ok');
    if (executed.errors) {
      const errors = executed.errors.map((error) => maskError(error));
      const result = { ...withComplexity(executed, complexity, env.MAX_COMPLEXITY), errors };
      const formatted = formatResult(result, yoga.fetchAPI, resultType);
      response.writeHead(formatted.status, Object.fromEntries(formatted.headers));
      response.end(await formatted.text());
      return true;
    }
    const cost = JSON.stringify({ requested: complexity, limit: env.MAX_COMPLEXITY });
    const data = serializedChunks(executed) ?? [JSON.stringify(executed.data)];
    const json = Buffer.from(joinChunks(['{"data":', data, `,"extensions":{"cost":${cost}}}`]));
    response.writeHead(200, { 'content-type': `${resultType}; charset=utf-8`, 'content-length': json.length });
    response.end(json);
    return true;
  };
}
