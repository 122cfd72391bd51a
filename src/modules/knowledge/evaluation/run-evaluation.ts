import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeIds } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { intRule, listRule, nameRule } from '../../../platform/graphql/kit/rules.ts';
import { queryRule, weightRule } from '../search/search-fields.ts';
import { startEvaluation } from './evaluate.ts';
import { Evaluation } from './evaluation.ts';

const EvaluationQuestionInput = builder.inputType('EvaluationQuestionInput', {
  description: 'A question and the documents that a search should find.',
  fields: (t) => ({
    query: t.string({ required: true, description: 'Question, 1 to 4000 characters.', validate: queryRule }),
    expectedDocumentIds: t.idList({
      required: true,
      description: 'Ids of the documents that the search should find. Empty if it should find none.',
    }),
  }),
});

const MAX_QUESTIONS = 1_000;

mutation('runEvaluation', {
  description:
    'Starts an evaluation: a worker searches for each question and measures how well the search finds the expected documents.',
  access: 'knowledge:configure',
  input: (t) => ({
    name: t.string({ required: true, description: 'Display name.', validate: nameRule }),
    collectionIds: nodeIds(t, 'Collection', {
      required: true,
      description: 'Collections to search, 1 to 100.',
      validate: listRule(z.unknown(), 100).refine((questions) => questions.length > 0, 'Must not be empty.'),
    }),
    questions: t.field({
      type: [EvaluationQuestionInput],
      required: true,
      description: `Questions, 1 to ${MAX_QUESTIONS}.`,
      validate: z
        .array(z.unknown())
        .min(1, 'Must not be empty.')
        .max(MAX_QUESTIONS, `Must have at most ${MAX_QUESTIONS} items.`) as never,
    }),
    topK: t.int({
      description: 'Number of hits per question, the k of recall at k, 1 to 100. Default: 10.',
      validate: intRule(1, 100),
    }),
    strategy: t.field({ type: prismaEnum('SearchStrategy'), description: 'Search strategy. Default: HYBRID.' }),
    vectorWeight: t.float({
      description: 'Weight of the vector rank in a HYBRID search, 0 to 100. Default: 1.',
      validate: weightRule,
    }),
    keywordWeight: t.float({
      description: 'Weight of the keyword rank in a HYBRID search, 0 to 100. Default: 1.',
      validate: weightRule,
    }),
  }),
  payload: payload('runEvaluation', 'The evaluation, which a worker runs next.', {
    evaluation: { type: Evaluation, description: 'The evaluation.' },
  }),
  resolve: async (input, context) => ({
    evaluation: await startEvaluation(context, context.viewer, {
      name: input.name.trim(),
      collectionIds: [...new Set(input.collectionIds)],
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
