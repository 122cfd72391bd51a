import { type DocumentNode, type GraphQLSchema, getOperationAST, Kind, type OperationTypeNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { namedCache } from '../../lib/cache-stats.ts';

/** A query or mutation whose document was parsed and validated. */
export interface ValidatedDocument {
  schema: GraphQLSchema;
  document: DocumentNode;
  type: Exclude<`${OperationTypeNode}`, 'subscription'>;
}

/** Text of prepared documents in memory, in characters. */
const MAX_TEXT = 8 * 1024 * 1024;

/** The documents that have reached execution, by their text. */
export class ValidatedDocumentCache {
  readonly #documents = namedCache<string, ValidatedDocument>('validated_documents', {
    maxSize: MAX_TEXT,
    sizeCalculation: (_operation, text) => text.length,
  });

  get(text: string): ValidatedDocument | undefined {
    return this.#documents.get(text);
  }

  /** Stores documents at their execution. It must follow every plugin that can reject a document. */
  plugin(): Plugin<{ params?: { query?: string | undefined } }> {
    return {
      onExecute: ({ args, context }) => {
        const text = context.params?.query;
        const document = args.document as DocumentNode;
        if (!text || this.#documents.has(text)) return;
        const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
        const type = getOperationAST(document)?.operation;
        if (operations.length !== 1 || type === undefined || type === 'subscription') return;
        this.#documents.set(text, { schema: args.schema as GraphQLSchema, document, type });
      },
    };
  }
}
