import { type DocumentNode, GraphQLError, validate } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { type DocumentLimits, findExceededLimit } from './document-limits.ts';

/** Each error has a cost: rules look for similar names. */
const MAX_ERRORS = 5;

const MAX_MESSAGE = 500;

/** An error about a cycle of fragments names all of them, with all places. */
function shorten(error: GraphQLError): GraphQLError {
  const { message, nodes, extensions } = error;
  if (message.length <= MAX_MESSAGE && (nodes?.length ?? 0) <= MAX_ERRORS) return error;
  const text = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
  return new GraphQLError(text, { nodes: nodes?.slice(0, MAX_ERRORS), extensions });
}

/**
 * Refuses documents that are too large before anything of them is validated: some rules compare every field with every other. Validation stops
 * after a few errors.
 */
export function useOperationLimits(limits: DocumentLimits): Plugin {
  return {
    onValidate({ params, setResult, setValidationFn }) {
      setValidationFn((schema, document, rules, options) =>
        validate(schema, document, rules, { ...options, maxErrors: MAX_ERRORS }).map(shorten),
      );
      const excess = findExceededLimit(params.documentAST as DocumentNode, limits);
      if (excess === undefined) return;
      const message = `The operation has more than ${excess}. Request less at once.`;
      setResult([new GraphQLError(message, { extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400, spec: true } } })]);
    },
  };
}
