import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { User } from '../../tenancy/exports.ts';
import { Document } from '../documents/document.ts';

export type EvaluationRun = RowOf<'EvaluationRun'>;
export const EvaluationRun = entity('EvaluationRun', {
  table: 'evaluation_runs',
  access: 'knowledge:read',
  columns: [
    'position',
    'query',
    'response',
    'model',
    'latencyMs',
    'tokenCount',
    'recall',
    'reciprocalRank',
    'ndcg',
    'qualityScore',
    'userFeedback',
    'feedbackComment',
  ],
  omit: ['updatedAt'],
  references: {
    user: User,
  },
  fields: (t) => ({
    sources: t.field({
      type: ['JSONObject'],
      description:
        'Chunks found for the question, in descending order of score: objects with `chunkId`, `documentId` and `score`.',
      extensions: dependsOn('sources'),
      resolve: ({ sources }) => sources as unknown[],
    }),
    expectedDocuments: t.field({
      type: [Document],
      nullable: { list: false, items: true },
      description: 'Documents that the search should find. A null element is a document that no longer exists.',
      extensions: dependsOn('expectedDocumentIds'),
      resolve: ({ expectedDocumentIds }, _args, context) =>
        Promise.all(expectedDocumentIds.map((id) => Document.load(context, id))),
    }),
  }),
  list: { orders: ['-createdAt', 'createdAt'] },
  root: { many: { field: 'evaluationRuns', description: 'Questions with their answers, asked by users and by evaluations.' } },
});
