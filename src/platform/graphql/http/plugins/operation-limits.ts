import { type DocumentNode, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { type DocumentLimits, findExceededLimit } from './document-limits.ts';

/**
 * Refuses documents that are too large before anything of them is validated: some rules compare every field with every other.
 */
export function useOperationLimits(limits: DocumentLimits): Plugin {
  return {
    onValidate({ params, setResult }) {
      const excess = findExceededLimit(params.documentAST as DocumentNode, limits);
      if (excess === undefined) return;
      const message = `The operation has more than ${excess}. Request less at once.`;
      setResult([new GraphQLError(message, { extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400, spec: true } } })]);
    },
  };
}
