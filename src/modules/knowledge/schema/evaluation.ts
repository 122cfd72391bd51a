import { z } from 'zod';
import { EvaluationStatus } from '../../../generated/prisma/enums.ts';
import { replayable } from '../../../platform/graphql/field-extensions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { defineConnection } from '../../../platform/graphql/kit/connection.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { nodeQuery } from '../../../platform/graphql/kit/node-query.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { intRule, nameRule } from '../../../platform/graphql/kit/rules.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { type ComparedQuestion, compareEvaluations } from '../evaluation/compare-evaluations.ts';
import { startEvaluation } from '../evaluation/evaluate.ts';
import { EvaluationRun } from './answers.ts';
import { Collection, loadCollection } from './collection.ts';
import { queryRule, weightRule } from './rules.ts';
import { collectionUuids, SearchStrategyEnum } from './search.ts';

const EvaluationStatusEnum = builder.enumType(EvaluationStatus, {
  name: 'EvaluationStatus',
  description: 'Where an evaluation stands.',
});

export const Evaluation = builder.prismaNode('Evaluation', {
  nullable: true,
  authScopes: { permission: 'knowledge:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    name: t.exposeString('name'),
    status: t.expose('status', { type: EvaluationStatusEnum }),
    strategy: t.expose('strategy', { type: SearchStrategyEnum }),
    topK: t.exposeInt('topK'),
    vectorWeight: t.exposeFloat('vectorWeight'),
    keywordWeight: t.exposeFloat('keywordWeight'),
    questionCount: t.exposeInt('questionCount'),
    completedCount: t.exposeInt('completedCount'),
    recall: t.exposeFloat('recall', { nullable: true }),
    mrr: t.exposeFloat('mrr', { nullable: true }),
    ndcg: t.exposeFloat('ndcg', { nullable: true }),
    latencyMs: t.exposeFloat('latencyMs', { nullable: true }),
    errorMessage: t.exposeString('errorMessage', { nullable: true }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    collections: t.field({
      type: [Collection],
      nullable: { list: false, items: true },
      description: 'The collections that are searched.',
      extensions: dependsOn('collectionIds'),
      resolve: ({ collectionIds }, _args, context) => Promise.all(collectionIds.map((id) => loadCollection(context, id))),
    }),
    createdBy: t.field({
      type: User,
      nullable: true,
      description: 'Who asked for it. Null once they have left the tenant.',
      extensions: dependsOn('createdById'),
      resolve: ({ createdById }, _args, context) => loadUser(context, createdById),
    }),
  }),
});

const loadEvaluation = nodeLoader<typeof Evaluation.$inferType>('Evaluation', 'evaluations');

defineConnection({
  name: 'Evaluation',
  table: 'evaluations',
  node: Evaluation,
  orders: {
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  },
}).onQuery('evaluations', { description: 'The evaluations of the tenant.', access: 'knowledge:read' });

const runList = defineConnection({
  name: 'EvaluationRun',
  table: 'evaluation_runs',
  node: EvaluationRun,
  orders: {
    CREATED_AT_DESC: { column: 'created_at', type: 'timestamptz', direction: 'DESC' },
    CREATED_AT_ASC: { column: 'created_at', type: 'timestamptz', direction: 'ASC' },
  },
});
runList.onQuery('evaluationRuns', { description: 'What was asked, by people and by evaluations.', access: 'knowledge:read' });
runList.onParent(Evaluation, 'runs', {
  description: 'Its questions that have been asked.',
  column: 'evaluation_id',
  access: 'knowledge:read',
});

nodeQuery('evaluation', { type: Evaluation, what: 'An evaluation', access: 'knowledge:read', load: loadEvaluation });

const ComparedQuestionType = builder.objectRef<ComparedQuestion>('ComparedQuestion').implement({
  description: 'A question that several evaluations asked.',
  fields: (t) => ({
    query: t.exposeString('query', { description: 'The question.' }),
    runs: t.field({
      type: [EvaluationRun],
      nullable: { list: false, items: true },
      description: 'How each evaluation fared, in the order they were named. Null where it did not ask.',
      resolve: ({ runs }) => runs,
    }),
  }),
});

const MAX_COMPARED = 10;

builder.queryField('compareEvaluations', (t) =>
  t.field({
    type: [ComparedQuestionType],
    description: `Evaluations side by side, question by question: at most ${MAX_COMPARED}.`,
    authScopes: { permission: 'knowledge:read' },
    args: { ids: t.arg.idList({ required: true, description: 'Their `id`s or `uuid`s.' }) },
    complexity: { field: 100 },
    extensions: replayable,
    resolve: (_root, { ids }, context) => {
      if (ids.length > MAX_COMPARED) throw ValidationError.inputPath(['ids'], `At most ${MAX_COMPARED} evaluations at once.`);
      return compareEvaluations(
        context.prisma,
        ids.map((id, index) => parseId('Evaluation', String(id), ['ids', String(index)])),
      );
    },
  }),
);

const EvaluationQuestionInput = builder.inputType('EvaluationQuestionInput', {
  description: 'A question whose documents are known.',
  fields: (t) => ({
    query: t.string({ required: true, description: 'The question.', validate: queryRule }),
    expectedDocumentIds: t.idList({
      required: true,
      description: 'The documents that should be found. None where nothing should.',
    }),
  }),
});

const MAX_QUESTIONS = 1_000;

mutation('runEvaluation', {
  description: 'Asks questions whose documents are known, in the background, and measures how well they are found.',
  access: 'knowledge:configure',
  input: (t) => ({
    name: t.string({ required: true, description: 'Display name.', validate: nameRule }),
    collectionIds: t.idList({
      required: true,
      description: 'Where to look.',
      validate: z.array(z.unknown()).min(1, 'Must not be empty.').max(100) as never,
    }),
    questions: t.field({
      type: [EvaluationQuestionInput],
      required: true,
      description: `The questions, at most ${MAX_QUESTIONS}.`,
      validate: z
        .array(z.unknown())
        .min(1, 'Must not be empty.')
        .max(MAX_QUESTIONS, `Must have at most ${MAX_QUESTIONS} items.`) as never,
    }),
    topK: t.int({ description: 'k of recall at k, 1 to 100. 10 when nothing is said.', validate: intRule(1, 100) }),
    strategy: t.field({ type: SearchStrategyEnum, description: 'How to look. HYBRID when nothing is said.' }),
    vectorWeight: t.float({ description: 'How much nearness counts in HYBRID. 1 when nothing is said.', validate: weightRule }),
    keywordWeight: t.float({ description: 'How much words count in HYBRID. 1 when nothing is said.', validate: weightRule }),
  }),
  payload: builder.objectRef<{ evaluation: typeof Evaluation.$inferType }>('RunEvaluationPayload').implement({
    description: 'The evaluation, which a worker carries out next.',
    fields: (t) => ({
      evaluation: t.field({ type: Evaluation, description: 'The evaluation.', resolve: ({ evaluation }) => evaluation }),
    }),
  }),
  resolve: async (input, context) => ({
    evaluation: await startEvaluation(context, requireViewer(context), {
      name: input.name.trim(),
      collectionIds: collectionUuids(input.collectionIds, ['input', 'collectionIds']),
      questions: input.questions.map(({ query, expectedDocumentIds }, question) => ({
        query: query.trim(),
        expectedDocumentIds: expectedDocumentIds.map((id, index) =>
          parseId('Document', String(id), ['input', 'questions', String(question), 'expectedDocumentIds', String(index)]),
        ),
      })),
      topK: input.topK ?? 10,
      strategy: input.strategy ?? 'HYBRID',
      vectorWeight: input.vectorWeight ?? 1,
      keywordWeight: input.keywordWeight ?? 1,
    }),
  }),
});
