import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { GraphQLContext } from '../../context.ts';
import { measureOperation } from '../operation-complexity.ts';

/** Puts the price of an operation and the highest allowed one into a result's `extensions.cost`. */
export function withComplexity(result: ExecutionResult, requested: number, limit: number): ExecutionResult {
  return { ...result, extensions: { ...result.extensions, cost: { requested, limit } } };
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
