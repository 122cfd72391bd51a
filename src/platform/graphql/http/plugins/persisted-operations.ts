import { readFileSync } from 'node:fs';
import { usePersistedOperations } from '@graphql-yoga/plugin-persisted-operations';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Documents by their ids. */
export type PersistedOperations = ReadonlyMap<string, string>;

export function readPersistedOperations(file: string): PersistedOperations {
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const entries = Object.entries(parsed ?? {});
  if (!entries.every(([, document]) => typeof document === 'string')) {
    throw new Error('PERSISTED_OPERATIONS_FILE: expected a JSON object of ids and documents');
  }
  return new Map(entries as [string, string][]);
}

/**
 * Executes persisted operations by their ids.
 * @param only whether to reject all other operations, over any transport
 */
export function persistedOperations(operations: PersistedOperations, only: boolean): Plugin[] {
  const listed = new Set(operations.values());
  const overHttp = usePersistedOperations({
    getPersistedOperation: (id) => operations.get(id) ?? null,
    allowArbitraryOperations: !only,
  });
  const everywhere: Plugin = {
    // WebSockets do not pass `onParams`, which resolves the ids of HTTP requests. They send listed documents.
    onParse({ params }) {
      if (only && !listed.has(String(params.source))) {
        throw new GraphQLError('Only persisted operations are run here.', {
          extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST', http: { status: 400, spec: true } },
        });
      }
    },
  };
  return [everywhere, overHttp as Plugin];
}
