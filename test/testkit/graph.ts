import { isDeepStrictEqual } from 'node:util';
import { type ExecutionResult, execute, type GraphQLError, getOperationAST, getVariableValues, parse, validate } from 'graphql';
import { schema } from '../../src/app/schema.ts';
import { type RequestInfo, requestContextOf, type Viewer } from '../../src/platform/auth/viewer.ts';
import type { GraphQLContext, Services } from '../../src/platform/graphql/context.ts';
import { executeOperation } from '../../src/platform/graphql/executor/execute.ts';
import { serializedData } from '../../src/platform/graphql/executor/serialized-result.ts';
import { measureOperation } from '../../src/platform/graphql/http/operation-complexity.ts';
import { createLoaders } from '../../src/platform/graphql/loaders.ts';
import { toDomainError } from '../../src/platform/postgres/errors.ts';
import { runWithContext } from '../../src/platform/postgres/request-scope.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { testServices } from './services.ts';
import { unique } from './tenants.ts';

export interface GraphResult {
  data: Record<string, unknown> | null | undefined;
  /** Codes of the top-level errors. */
  codes: string[];
  messages: string[];
  /** The SQL statements of the operation, including BEGIN and COMMIT. */
  statements: string[];
  request: RequestInfo;
}

export interface TestGraph extends TestDatabase {
  services: Services;
  /** Executes an operation as the server does: with the viewer's context, and one set of loaders. */
  execute(viewer: Viewer | null, source: string, variables?: Record<string, unknown>): Promise<GraphResult>;
}

/**
 * Executes an operation as the server does. If a plan produced the result, executes it again with graphql-js, and throws if the results
 * differ.
 */
async function executeTwice(
  source: string,
  contextValue: GraphQLContext,
  variableValues: Record<string, unknown> | undefined,
  once: () => void,
): Promise<ExecutionResult> {
  let document: ReturnType<typeof parse>;
  try {
    document = parse(source);
  } catch (error) {
    return { errors: [error as GraphQLError] };
  }
  const errors = validate(schema, document);
  if (errors.length > 0) return { errors };
  const variables = getVariableValues(schema, getOperationAST(document)?.variableDefinitions ?? [], variableValues ?? {});
  try {
    if (variables.coerced) measureOperation({ schema, document, variableValues, contextValue });
  } catch {
    // The execution reports arguments that break a rule of their field.
  }
  const fresh = () => ({ schema, document, contextValue: { ...contextValue, loaders: createLoaders() }, variableValues });
  const result = await executeOperation({ schema, document, contextValue, variableValues });
  once();
  let text = serializedData(result);
  if (text === undefined) return result;
  for (let left = 5; left > 0; left--) {
    const specified = JSON.stringify((await execute(fresh())).data);
    if (isDeepStrictEqual(JSON.parse(text), JSON.parse(specified))) return result;
    // Concurrent writes may change the data between the two executions.
    const again = await executeOperation(fresh());
    text = serializedData(again) ?? JSON.stringify(again.data);
    if (isDeepStrictEqual(JSON.parse(text), JSON.parse(specified))) return result;
  }
  throw new Error(`the plan has another result than graphql-js: ${source} ${text}`);
}

/** The schema with services over the database of this test worker. */
export async function testGraph(): Promise<TestGraph> {
  const db = await testDatabase();
  const services = await testServices(db);
  return {
    ...db,
    services,
    async execute(viewer, source, variables) {
      const request = { requestId: unique('request'), ip: '192.0.2.7', userAgent: 'vitest' };
      const contextValue: GraphQLContext = { ...services, ...requestContextOf(viewer, request), loaders: createLoaders() };
      const statements: string[] = [];
      db.database.onStatement = (text) => statements.push(text);
      const { data, errors } = await runWithContext(contextValue.dbContext, async () =>
        executeTwice(source, contextValue, variables, () => {
          db.database.onStatement = () => {};
        }),
      );
      db.database.onStatement = () => {};
      return {
        data: data as GraphResult['data'],
        codes: (errors ?? []).map(
          ({ originalError }) => (toDomainError(originalError) as { code?: string } | undefined)?.code ?? 'GRAPHQL',
        ),
        messages: (errors ?? []).map(({ message }) => message),
        statements,
        request,
      };
    },
  };
}

/** The value at a path such as `agents.nodes.0.name`. Throws if there is none. */
export function pick<T = string>(answer: GraphResult, path: string): T {
  const value = path
    .split('.')
    .reduce<unknown>((parent, key) => (parent as Record<string, unknown> | undefined)?.[key], answer.data);
  if (value === undefined) throw new Error(`nothing at ${path} in ${JSON.stringify(answer.data)} ${answer.messages.join('; ')}`);
  return value as T;
}
