import { GraphQLError, parse } from 'graphql';
import type { Plugin } from 'graphql-yoga';

function tooLarge(message: string): GraphQLError {
  return new GraphQLError(`${message} Request less at once.`, {
    extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400, spec: true } },
  });
}

/** A token may be a text of any length. Larger texts belong in variables. */
export const MAX_DOCUMENT_CHARACTERS = 131_072;
export const DOCUMENT_TOO_LONG = `The document has more than ${MAX_DOCUMENT_CHARACTERS} characters. Pass texts in variables.`;

/** Refuses long documents before they are parsed, and stops the parser at the given number of tokens. */
export function useTokenLimit(maxTokens: number): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string, options?: object) => {
        if (source.length > MAX_DOCUMENT_CHARACTERS) throw tooLarge(DOCUMENT_TOO_LONG);
        try {
          return parse(source, { ...options, maxTokens });
        } catch (error) {
          // The parser recurses for each level and has no limit but the stack.
          if (error instanceof RangeError) throw tooLarge('The document is nested too deeply.');
          if (!(error instanceof GraphQLError) || !error.message.includes('tokens')) throw error;
          throw tooLarge(`The document has more than ${maxTokens} tokens.`);
        }
      });
    },
  };
}
