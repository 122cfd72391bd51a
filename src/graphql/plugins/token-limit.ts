import { GraphQLError, parse } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Stops the parser at the given number of tokens, whatever follows. */
export function tokenLimit(maxTokens: number): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string, options?: object) => {
        try {
          return parse(source, { ...options, maxTokens });
        } catch (error) {
          if (!(error instanceof GraphQLError) || !error.message.includes('tokens')) throw error;
          throw new GraphQLError(`The document has more than ${maxTokens} tokens. Ask for less at once.`, {
            extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400, spec: true } },
          });
        }
      });
    },
  };
}
