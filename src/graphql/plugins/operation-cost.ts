import { complexityFromQuery } from '@pothos/plugin-complexity';
import type { GraphQLSchema } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { GraphQLContext } from '../context.ts';

/** Puts the price of an operation and the highest allowed one into `extensions.cost`. Stands behind `variables()`. */
export function operationCost(limit: number): Plugin<GraphQLContext> {
  return {
    onExecute({ args }) {
      const requested = complexityFromQuery(args.document, {
        schema: args.schema as GraphQLSchema,
        variables: args.variableValues ?? {},
        ctx: args.contextValue,
      }).complexity;
      return {
        onExecuteDone({ result, setResult }) {
          if (isAsyncIterable(result)) return;
          setResult({ ...result, extensions: { ...result.extensions, cost: { requested, limit } } });
        },
      };
    },
  };
}
