import { isDeepStrictEqual } from 'node:util';
import { type ExecutionResult, execute, type GraphQLError, getOperationAST, getVariableValues, parse, validate } from 'graphql';
import { type RequestInfo, requestContextOf, type Viewer } from '../../src/auth/viewer.ts';
import { runWithContext } from '../../src/db/context.ts';
import { toDomainError } from '../../src/db/errors.ts';
import type { GraphQLContext, Services } from '../../src/graphql/context.ts';
import { executeOperation } from '../../src/graphql/execution/execute.ts';
import { dataTextOf } from '../../src/graphql/execution/result-text.ts';
import { createLoaders } from '../../src/graphql/loaders.ts';
import { sizeOf } from '../../src/graphql/operation-price.ts';
import { schema } from '../../src/graphql/schema.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { testServices } from './services.ts';
import { unique } from './tenants.ts';

export interface Answer {
  data: Record<string, unknown> | null | undefined;
  /** Codes of the top-level errors. */
  codes: string[];
  messages: string[];
  /** SQL statements it took, BEGIN and COMMIT among them. */
  statements: string[];
  request: RequestInfo;
}

export interface Graph extends TestDatabase {
  services: Services;
  /** Runs an operation as the server does: with the viewer's context, and one set of loaders. */
  execute(viewer: Viewer | null, source: string, variables?: Record<string, unknown>): Promise<Answer>;
}

/**
 * Executes as the server does. What was answered from a plan is asked once more, field by field as the specification has it, and has to be
 * the same.
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
    if (variables.coerced) sizeOf({ schema, document, variableValues, contextValue });
  } catch {
    // Arguments that break a rule of their field: the execution tells.
  }
  const fresh = () => ({ schema, document, contextValue: { ...contextValue, loaders: createLoaders() }, variableValues });
  const result = await executeOperation({ schema, document, contextValue, variableValues });
  once();
  let text = dataTextOf(result);
  if (text === undefined) return result;
  for (let left = 5; left > 0; left--) {
    const specified = JSON.stringify((await execute(fresh())).data);
    if (isDeepStrictEqual(JSON.parse(text), JSON.parse(specified))) return result;
    // Somebody else may be changing what is asked for.
    const again = await executeOperation(fresh());
    text = dataTextOf(again) ?? JSON.stringify(again.data);
    if (isDeepStrictEqual(JSON.parse(text), JSON.parse(specified))) return result;
  }
  throw new Error(`a plan answers otherwise than the specification: ${source} ${text}`);
}

/** The graph over this worker's database. */
export async function testGraph(): Promise<Graph> {
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
        data: data as Answer['data'],
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

/** What stands at a path such as `agents.nodes.0.name`. */
export function at<T = string>(answer: Answer, path: string): T {
  const value = path
    .split('.')
    .reduce<unknown>((parent, key) => (parent as Record<string, unknown> | undefined)?.[key], answer.data);
  if (value === undefined) throw new Error(`nothing at ${path} in ${JSON.stringify(answer.data)} ${answer.messages.join('; ')}`);
  return value as T;
}
