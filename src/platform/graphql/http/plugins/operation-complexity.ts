import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { DomainError } from '../../../lib/errors.ts';
import { toDomainError } from '../../../postgres/errors.ts';
import type { GraphQLContext } from '../../context.ts';
import { measureOperation } from '../operation-complexity.ts';

const UNAVAILABLE = { status: 503, headers: { 'retry-after': '1' } };

/** Whether nothing was executed because the database or another service is busy or away. */
function isUnavailable({ data, errors }: ExecutionResult): boolean {
  if (!errors || Object.values(data ?? {}).some((value) => value !== null)) return false;
  return errors.every(({ originalError, extensions }) => {
    const error = toDomainError(originalError);
    return (error instanceof DomainError ? error.code : extensions.code) === 'UNAVAILABLE';
  });
}

/**
 * Puts the price of an operation and the highest allowed one into a result's `extensions.cost`. A balancer sees by the status that a result
 * contains nothing because the server is unavailable: Yoga takes it from `extensions.http`.
 */
export function withComplexity(result: ExecutionResult, requested: number, limit: number): ExecutionResult {
  const http = isUnavailable(result) ? { http: UNAVAILABLE } : {};
  return { ...result, extensions: { ...result.extensions, cost: { requested, limit }, ...http } };
}

/** The price of every operation in its result. Must follow `variables()`. */
export function useOperationComplexity(limit: number): Plugin<GraphQLContext> {
  return {
    onExecute({ args }) {
      const { complexity } = measureOperation({
        schema: args.schema as GraphQLSchema,
        document: args.document,
        variableValues: args.variableValues,
        contextValue: args.contextValue,
      });
      return {
        onExecuteDone({ result, setResult }) {
          if (!isAsyncIterable(result)) setResult(withComplexity(result, complexity, limit));
        },
      };
    },
  };
}
