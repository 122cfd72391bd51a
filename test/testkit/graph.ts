import { graphql } from 'graphql';
import { dbContextOf, type RequestInfo, type Viewer } from '../../src/auth/viewer.ts';
import { runWithContext } from '../../src/db/context.ts';
import { toDomainError } from '../../src/db/errors.ts';
import type { GraphQLContext, Services } from '../../src/graphql/context.ts';
import { createLoaders } from '../../src/graphql/loaders.ts';
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

/** The graph over this worker's database. */
export async function testGraph(): Promise<Graph> {
  const db = await testDatabase();
  const services = await testServices(db);
  return {
    ...db,
    services,
    async execute(viewer, source, variables) {
      const request = { requestId: unique('request'), ip: '192.0.2.7', userAgent: 'vitest' };
      const contextValue: GraphQLContext = { ...services, viewer, request, loaders: createLoaders() };
      const statements: string[] = [];
      db.database.onStatement = (text) => statements.push(text);
      const { data, errors } = await runWithContext(dbContextOf(viewer, request), async () =>
        graphql({ schema, source, variableValues: variables, contextValue }),
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
