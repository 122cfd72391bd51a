import type { Feedback } from '../../../generated/prisma/client.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { payload } from '../../../platform/graphql/kit/entity/payload.ts';
import { prismaEnum } from '../../../platform/graphql/kit/enums.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { textRule } from '../../../platform/graphql/kit/rules.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import { tenantKey } from '../../../platform/postgres/request-scope.ts';
import { ratioRule } from '../search/search-fields.ts';
import { EvaluationRun } from './evaluation-run.ts';

mutation('submitSearchFeedback', {
  description: 'Stores feedback on a search. It replaces earlier feedback.',
  access: 'knowledge:write',
  input: (t) => ({
    queryId: nodeId(t, 'RagQuery', { required: true, description: '`queryId` of the search.' }),
    feedback: t.field({ type: prismaEnum('Feedback'), required: true, description: 'Rating of the search.' }),
    comment: t.string({ description: 'Comment, at most 2000 characters.', validate: textRule(2_000) }),
  }),
  payload: builder.objectRef<{ queryId: string; feedback: Feedback }>('SubmitSearchFeedbackPayload').implement({
    description: 'The stored feedback.',
    fields: (t) => ({
      queryId: t.exposeID('queryId', { description: 'Id of the search.' }),
      feedback: t.expose('feedback', { type: prismaEnum('Feedback'), description: 'Stored rating.' }),
    }),
  }),
  resolve: async ({ queryId, feedback, comment }, { prisma, viewer }) => {
    const { count } = await prisma.ragQuery.updateMany({
      where: { tenantId: viewer.tenantId, id: queryId },
      data: { feedback, feedbackComment: comment ?? null, feedbackAt: new Date() },
    });
    if (count === 0) throw new NotFoundError('The search', { path: ['input', 'queryId'] });
    return { queryId, feedback };
  },
});

mutation('submitAnswerFeedback', {
  description: 'Stores feedback on an answer. Omitted fields keep their values.',
  access: 'knowledge:write',
  input: (t) => ({
    evaluationRunId: nodeId(t, 'EvaluationRun', { required: true, description: '`evaluationRun` of the answer.' }),
    feedback: t.field({ type: prismaEnum('Feedback'), description: 'Rating of the answer.' }),
    comment: t.string({ description: 'Comment, at most 2000 characters.', validate: textRule(2_000) }),
    qualityScore: t.float({ description: 'Quality of the answer, 0 to 1.', validate: ratioRule }),
  }),
  payload: payload('submitAnswerFeedback', 'The answer with its feedback.', {
    evaluationRun: { type: EvaluationRun, description: 'The answer.' },
  }),
  resolve: async ({ evaluationRunId, feedback, comment, qualityScore }, { prisma }) => {
    const found = prisma.evaluationRun.findFirst({ where: { id: evaluationRunId }, select: { id: true } });
    await requireFound(found, 'The answer', ['input', 'evaluationRunId']);
    const evaluationRun = await prisma.evaluationRun.update({
      where: tenantKey(evaluationRunId),
      data: {
        userFeedback: feedback ?? undefined,
        feedbackComment: comment ?? undefined,
        qualityScore: qualityScore ?? undefined,
      },
    });
    return { evaluationRun };
  },
});
