import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DocumentNode, execute, type GraphQLSchema, getOperationAST, Kind, type OperationTypeNode } from 'graphql';
import { processRegularResult } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Env } from '../env.ts';
import type { GraphQLContext, Services } from '../graphql/context.ts';
import { createLoaders } from '../graphql/loaders.ts';
import { createMaskError } from '../graphql/mask-error.ts';
import { sizeOf } from '../graphql/operation-price.ts';
import { withCost } from '../graphql/plugins/operation-cost.ts';
import { checkVariables } from '../graphql/plugins/variables.ts';
import type { Metrics } from './metrics.ts';
import type { EdgeContext, Yoga } from './yoga.ts';

export interface JsonPostParts {
  env: Env;
  yoga: Yoga;
  services: Services;
  metrics: Metrics;
}

/** Answers a request, or says that Yoga has to. Runs as the viewer of the request. */
export type JsonPost = (request: IncomingMessage, response: ServerResponse, edge: EdgeContext) => Promise<boolean>;

/** A query or mutation that was parsed and validated, by Yoga and its plugins. */
interface Prepared {
  schema: GraphQLSchema;
  document: DocumentNode;
  type: OperationTypeNode;
}

interface Params {
  query: string;
  operationName: string | undefined;
  variables: Record<string, unknown> | undefined;
}

const JSON_BODY = /^application\/json *(?:; *charset=utf-8)?$/i;
/** The media types of results; the last one is what anything else than these is answered with. */
const RESULTS = ['application/graphql-response+json', 'application/json'];
/** Text of prepared documents in memory, in characters. */
const MAX_TEXT = 8 * 1024 * 1024;
const NAMES = new Set(['query', 'operationName', 'variables', 'extensions']);

/** The media type that Yoga would answer with, chosen as it does: the first that is asked for. */
function resultTypeOf(accept = '*/*'): string | undefined {
  if (accept === '*/*' || accept === 'application/json') return RESULTS[1];
  for (const asked of accept.replace(/\s/g, '').toLowerCase().split(',')) {
    const [type, ...parameters] = asked.split(';');
    const charset = parameters.find((parameter) => parameter.includes('charset='));
    if (charset !== undefined && charset !== 'charset=utf-8') continue;
    if (type === '*/*' || type === 'application/*') return RESULTS[1];
    if (type && RESULTS.includes(type)) return type;
  }
  return undefined;
}

/** The whole body; undefined when the client went away. */
function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => resolve((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString('utf8')));
    request.once('close', () => resolve(undefined));
    request.once('error', () => resolve(undefined));
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for whatever is not plainly an operation: Yoga says what is wrong with it. */
function paramsOf(body: string): Params | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isObject(parsed) || !Object.keys(parsed).every((name) => NAMES.has(name))) return undefined;
  const { query, operationName, variables, extensions } = parsed;
  if (typeof query !== 'string' || query === '') return undefined;
  if (operationName != null && typeof operationName !== 'string') return undefined;
  if (variables != null && !isObject(variables)) return undefined;
  if (extensions != null && !isObject(extensions)) return undefined;
  return { query, operationName: operationName ?? undefined, variables: variables ?? undefined };
}

/**
 * The short way of almost every request: a query or mutation, sent as JSON and answered as JSON. A document is parsed and validated once,
 * through Yoga with all its plugins; then each request checks its variables, is measured and executed, and nothing else. Whatever is
 * unusual or wrong before execution goes to Yoga as if this were not here, so that there is one answer to it.
 */
export function createJsonPost({ env, yoga, services, metrics }: JsonPostParts): JsonPost {
  const maskError = createMaskError(services.log);
  const documents = new LRUCache<string, { prepared: Prepared | undefined }>({
    maxSize: MAX_TEXT,
    sizeCalculation: (_value, query) => query.length + 1,
  });

  function isOurs({ method, url, headers }: IncomingMessage): boolean {
    const length = Number(headers['content-length'] ?? 0);
    return (
      method === 'POST' &&
      url === '/graphql' &&
      length > 0 &&
      length <= env.MAX_BODY_BYTES &&
      JSON_BODY.test(headers['content-type'] ?? '') &&
      headers['content-encoding'] === undefined &&
      (headers.origin === undefined || env.CORS_ORIGINS.length === 0 || env.CORS_ORIGINS.includes(headers.origin))
    );
  }

  /** Undefined for what is not valid, for subscriptions, and for documents of several operations. */
  function prepare(query: string, edge: EdgeContext): Prepared | undefined {
    const known = documents.get(query);
    if (known) return known.prepared;
    let prepared: Prepared | undefined;
    try {
      const { schema, parse, validate } = yoga.getEnveloped({ edge, params: { query } } as never);
      const document = parse(query) as DocumentNode;
      const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
      const type = getOperationAST(document)?.operation;
      const isValid = operations.length === 1 && (validate(schema, document) as readonly Error[]).length === 0;
      if (isValid && type && type !== 'subscription') prepared = { schema, document, type };
    } catch {
      // Yoga says it again, to who asked.
    }
    documents.set(query, { prepared });
    return prepared;
  }

  /** Whether the variables fit; Yoga says where they do not. */
  function fits({ schema, document }: Prepared, { variables, operationName }: Params): boolean {
    try {
      checkVariables({ schema, document, operationName, variableValues: variables }, true);
      return operationName === undefined || getOperationAST(document, operationName) != null;
    } catch {
      return false;
    }
  }

  return async (request, response, edge) => {
    const resultType = isOurs(request) ? resultTypeOf(request.headers.accept) : undefined;
    if (resultType === undefined) return false;
    const body = await bodyOf(request);
    if (body === undefined) return true;
    const params = paramsOf(body);
    const prepared = params && prepare(params.query, edge);
    if (!prepared || !fits(prepared, params)) {
      // Where Yoga's server adapter looks for a body that was read already.
      Object.assign(request, { body });
      return false;
    }
    const { schema, document, type } = prepared;
    const end = metrics.operation(type);
    const contextValue = { ...services, ...edge, loaders: createLoaders() } as GraphQLContext;
    const args = { schema, document, operationName: params.operationName, variableValues: params.variables, contextValue };
    const { complexity } = sizeOf(args);
    const executed = await execute(args);
    end(executed.errors ? 'error' : 'ok');
    const result = withCost(executed, complexity, env.MAX_COMPLEXITY);
    if (executed.errors) {
      const errors = executed.errors.map((error) => maskError(error));
      const told = processRegularResult({ ...result, errors } as never, yoga.fetchAPI, resultType);
      response.writeHead(told.status, Object.fromEntries(told.headers));
      response.end(await told.text());
      return true;
    }
    const text = JSON.stringify(result);
    response.writeHead(200, { 'content-type': `${resultType}; charset=utf-8`, 'content-length': Buffer.byteLength(text) });
    response.end(text);
    return true;
  };
}
