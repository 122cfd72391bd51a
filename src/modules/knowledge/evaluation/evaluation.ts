import { entity } from '../../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../../platform/graphql/kit/entity/model-columns.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { User } from '../../tenancy/exports.ts';
import { EvaluationRun } from '../answers/evaluation-run.ts';
import { Collection } from '../collection.ts';
// Declares the enum of the column `strategy`.
import '../search/search-fields.ts';

export type Evaluation = RowOf<'Evaluation'>;
export const Evaluation = entity('Evaluation', {
  table: 'evaluations',
  access: 'knowledge:read',
  columns: [
    'name',
    'status',
    'strategy',
    'topK',
    'vectorWeight',
    'keywordWeight',
    'questionCount',
    'completedCount',
    'recall',
    'mrr',
    'ndcg',
    'latencyMs',
    'errorMessage',
    'startedAt',
    'completedAt',
  ],
  omit: ['updatedAt'],
  references: {
    createdBy: User,
  },
  fields: (t) => ({
    collections: t.field({
      type: [Collection],
      nullable: { list: false, items: true },
      description: 'Searched collections. A null element is a collection that no longer exists.',
      extensions: dependsOn('collectionIds'),
      resolve: ({ collectionIds }, _args, context) => Promise.all(collectionIds.map((id) => Collection.load(context, id))),
    }),
  }),
  list: { orders: ['-createdAt', 'createdAt'] },
  root: { one: 'evaluation', many: 'evaluations' },
});

EvaluationRun.listOn(Evaluation, 'runs', {
  column: 'evaluationId',
  description: 'Questions of the evaluation that were asked, with their scores.',
});
