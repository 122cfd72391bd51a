import { Feedback } from '../../../generated/prisma/enums.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { nodeLoader } from '../../../platform/graphql/kit/node-loader.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { textRule } from '../../../platform/graphql/kit/rules.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { ForbiddenError } from '../../../platform/lib/errors.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';
import { Conversation, loadConversation, Message, requireConversation } from '../../conversations/exports.ts';
import { loadUser, User } from '../../tenancy/exports.ts';
import { type Answer, answerAndRecord, type Citation, findAnswer } from '../answers/answer-question.ts';
import { rateAnswer, rateSearch } from '../answers/feedback.ts';
import { Chunk, loadChunk } from './chunk.ts';
import { Document, loadDocument } from './document.ts';
import { queryRule, ratioRule } from './rules.ts';
import { SearchResult, searchFields, searchInput } from './search.ts';

export const FeedbackEnum = builder.enumType(Feedback, { name: 'Feedback', description: 'What a person thinks of it.' });

const CitationType = builder.objectRef<Citation>('Citation').implement({
  description: 'A passage that an answer rests on.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'How the answer refers to it: `[1]` is number 1.' }),
    quote: t.exposeString('quote', { description: 'The beginning of the passage, as it was when the answer was given.' }),
    chunk: t.field({
      type: Chunk,
      nullable: true,
      description: 'The passage. Null once its document was read anew, or deleted.',
      resolve: ({ chunkId }, _args, context) => loadChunk(context, chunkId),
    }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'Its document. Null once it is gone for good.',
      resolve: ({ documentId }, _args, context) => loadDocument(context, documentId),
    }),
  }),
});

builder.objectField(Message, 'citations', (t) =>
  t.field({
    type: [CitationType],
    nullable: true,
    description: 'The passages of documents that the message rests on, where it answers from them.',
    authScopes: { permission: 'knowledge:read' },
    extensions: dependsOn('citations'),
    resolve: ({ citations }) => citations as unknown as Citation[] | null,
  }),
);

export const EvaluationRun = builder.prismaNode('EvaluationRun', {
  nullable: true,
  authScopes: { permission: 'knowledge:read' },
  id: { resolve: ({ id }) => id },
  findUnique: tenantKey,
  fields: (t) => ({
    uuid: t.expose('id', { type: 'UUID' }),
    position: t.exposeInt('position', { nullable: true }),
    query: t.exposeString('query'),
    response: t.exposeString('response', { nullable: true }),
    model: t.exposeString('model', { nullable: true }),
    sources: t.field({
      type: ['JSONObject'],
      description: 'The passages that were found, best first: objects of `chunkId`, `documentId` and `score`.',
      extensions: dependsOn('sources'),
      resolve: ({ sources }) => sources as unknown[],
    }),
    expectedDocuments: t.field({
      type: [Document],
      nullable: { list: false, items: true },
      description: 'The documents that should have been found.',
      extensions: dependsOn('expectedDocumentIds'),
      resolve: ({ expectedDocumentIds }, _args, context) =>
        Promise.all(expectedDocumentIds.map((id) => loadDocument(context, id))),
    }),
    latencyMs: t.exposeInt('latencyMs'),
    tokenCount: t.expose('tokenCount', { type: 'BigInt' }),
    recall: t.exposeFloat('recall', { nullable: true }),
    reciprocalRank: t.exposeFloat('reciprocalRank', { nullable: true }),
    ndcg: t.exposeFloat('ndcg', { nullable: true }),
    qualityScore: t.exposeFloat('qualityScore', { nullable: true }),
    userFeedback: t.expose('userFeedback', { type: FeedbackEnum, nullable: true }),
    feedbackComment: t.exposeString('feedbackComment', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    user: t.field({
      type: User,
      nullable: true,
      description: 'Who asked. Null once they have left the tenant.',
      extensions: dependsOn('userId'),
      resolve: ({ userId }, _args, context) => loadUser(context, userId),
    }),
  }),
});

nodeLoader<typeof EvaluationRun.$inferType>('EvaluationRun', 'evaluation_runs');

interface AnsweredQuestion {
  answer: Answer;
  run: typeof EvaluationRun.$inferType;
  messages: (typeof Message.$inferType)[];
  conversationId: string | undefined;
}

const DEFAULT_CHUNKS = 6;

mutation('askKnowledge', {
  description:
    'Answers a question from the documents, with the passages behind the answer: by the configured model, or, where none is, with sentences of ' +
    'the best passages. With a conversation, question and answer become messages of it.',
  access: 'knowledge:write',
  input: (t) => ({
    query: t.string({ required: true, description: 'The question.', validate: queryRule }),
    conversationId: t.id({ description: 'The conversation to say question and answer in.' }),
    ...searchFields(t as never, DEFAULT_CHUNKS),
  }),
  payload: builder.objectRef<AnsweredQuestion>('AskKnowledgePayload').implement({
    description: 'The answer.',
    fields: (t) => ({
      answer: t.string({ description: 'The text, which refers to citations as `[1]`.', resolve: ({ answer }) => answer.text }),
      model: t.string({ description: 'What wrote it: a model, or `extractive`.', resolve: ({ answer }) => answer.model }),
      citations: t.field({
        type: [CitationType],
        description: 'What the text refers to.',
        resolve: ({ answer }) => answer.citations,
      }),
      latencyMs: t.int({ description: 'How long it took in all, in milliseconds.', resolve: ({ answer }) => answer.latencyMs }),
      tokenCount: t.int({ description: 'Tokens the model read and wrote.', resolve: ({ answer }) => answer.tokens }),
      search: t.field({
        type: SearchResult,
        description: 'The search behind it.',
        resolve: ({ answer }) => ({ ...answer.search, query: answer.question }),
      }),
      evaluationRun: t.field({
        type: EvaluationRun,
        description: 'The answer as it was kept, for `submitAnswerFeedback`.',
        resolve: ({ run }) => run,
      }),
      messages: t.field({
        type: [Message],
        description: 'Question and answer in the conversation.',
        resolve: ({ messages }) => messages,
      }),
      conversation: t.field({
        type: Conversation,
        nullable: true,
        description: 'The conversation.',
        resolve: ({ conversationId }, _args, context) => loadConversation(context, conversationId),
      }),
    }),
  }),
  prepare: async ({ query, conversationId, ...given }, context) => {
    const path = ['input', 'conversationId'];
    const uuid = conversationId == null ? undefined : parseId('Conversation', conversationId, path);
    if (uuid !== undefined) {
      if (!requireViewer(context).permissions.has('conversation:write')) {
        throw new ForbiddenError('Your role or API key does not allow writing to conversations.');
      }
      await requireConversation(context.prisma, uuid, path);
    }
    return { conversationId: uuid, answer: await findAnswer(context, searchInput(query, given, DEFAULT_CHUNKS)) };
  },
  resolve: async (_input, context, { answer, conversationId }) => ({
    ...(await answerAndRecord(context, requireViewer(context), answer, conversationId)),
    conversationId,
  }),
});

mutation('submitSearchFeedback', {
  description: 'Says what one thinks of a search. Saying it again takes the place of what was said.',
  access: 'knowledge:write',
  input: (t) => ({
    queryId: t.id({ required: true, description: 'The `queryId` of the search.' }),
    feedback: t.field({ type: FeedbackEnum, required: true, description: 'What one thinks.' }),
    comment: t.string({ description: 'In words.', validate: textRule(2_000) }),
  }),
  payload: builder.objectRef<{ queryId: string; feedback: Feedback }>('SubmitSearchFeedbackPayload').implement({
    description: 'What was kept.',
    fields: (t) => ({
      queryId: t.exposeID('queryId', { description: 'The search.' }),
      feedback: t.expose('feedback', { type: FeedbackEnum, description: 'What was said of it.' }),
    }),
  }),
  resolve: async ({ queryId, feedback, comment }, context) => {
    const id = parseId('RagQuery', queryId, ['input', 'queryId']);
    await rateSearch(context.prisma, requireViewer(context), id, feedback, comment ?? null);
    return { queryId: id, feedback };
  },
});

mutation('submitAnswerFeedback', {
  description: 'Says what one thinks of an answer. What is not given stays as it is.',
  access: 'knowledge:write',
  input: (t) => ({
    evaluationRunId: t.id({ required: true, description: 'The `evaluationRun` of the answer.' }),
    feedback: t.field({ type: FeedbackEnum, description: 'What one thinks.' }),
    comment: t.string({ description: 'In words.', validate: textRule(2_000) }),
    qualityScore: t.float({ description: 'How good it is, 0 to 1.', validate: ratioRule }),
  }),
  payload: builder.objectRef<{ run: typeof EvaluationRun.$inferType }>('SubmitAnswerFeedbackPayload').implement({
    description: 'The answer with what was said of it.',
    fields: (t) => ({ evaluationRun: t.field({ type: EvaluationRun, description: 'The answer.', resolve: ({ run }) => run }) }),
  }),
  resolve: async ({ evaluationRunId, feedback, comment, qualityScore }, context) => ({
    run: await rateAnswer(context.prisma, parseId('EvaluationRun', evaluationRunId, ['input', 'evaluationRunId']), {
      userFeedback: feedback ?? undefined,
      feedbackComment: comment ?? undefined,
      qualityScore: qualityScore ?? undefined,
    }),
  }),
});
