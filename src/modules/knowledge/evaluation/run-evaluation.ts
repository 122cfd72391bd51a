import { z } from 'zod';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeIds } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { intRule, nameRule } from '../../../platform/graphql/kit/rules.ts';
import { queryRule, SearchStrategyEnum, weightRule } from '../search/search-fields.ts';
import { startEvaluation } from './evaluate.ts';
import { Evaluation } from './evaluation.ts';

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
    collectionIds: nodeIds(t, 'Collection', {
      required: true,
      description: 'Where to look.',
      validate: z.array(z.unknown()).min(1, 'Must not be empty.').max(100),
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
  payload: payload('runEvaluation', 'The evaluation, which a worker carries out next.', {
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
