import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { ForbiddenError } from '../../../platform/lib/errors.ts';
import { Conversation, Message } from '../../conversations/exports.ts';
import { Chunk } from '../documents/chunk.ts';
import { Document } from '../documents/document.ts';
import { queryRule, searchFields, searchInput } from '../search/search-fields.ts';
import { SearchResult } from '../search/search-query.ts';
import { answerAndRecord, type Citation, findAnswer, type RecordedAnswer } from './answer-question.ts';
import { EvaluationRun } from './evaluation-run.ts';

const CitationType = builder.objectRef<Citation>('Citation').implement({
  description: 'A chunk that an answer refers to.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'Number of the reference in the answer: `[1]` is number 1.' }),
    quote: t.exposeString('quote', { description: 'First 300 characters of the chunk at the time of the answer.' }),
    chunk: t.field({
      type: Chunk,
      nullable: true,
      description: 'The chunk. Null after its document was reprocessed or deleted.',
      resolve: ({ chunkId }, _args, context) => Chunk.load(context, chunkId),
    }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'Document of the chunk. Null after it was removed.',
      resolve: ({ documentId }, _args, context) => Document.load(context, documentId),
    }),
  }),
});

builder.objectField(Message, 'citations', (t) =>
  t.field({
    type: [CitationType],
    nullable: true,
    description: 'Chunks that the message refers to. Null if it cites no documents.',
    authScopes: { permission: 'knowledge:read' },
    extensions: dependsOn('citations'),
    resolve: ({ citations }) => citations as unknown as Citation[] | null,
  }),
);

const DEFAULT_CHUNKS = 6;

mutation('askKnowledge', {
  description:
    'Answers a question from the documents and returns citations. The configured model writes the answer; without one, the answer consists of ' +
    'sentences of the best chunks. With `conversationId`, the question and the answer are appended to the conversation.',
  access: 'knowledge:write',
  input: (t) => ({
    query: t.string({ required: true, description: 'Question, 1 to 4000 characters.', validate: queryRule }),
    conversationId: nodeId(t, 'Conversation', {
      description: 'Conversation to append the question and the answer to. Requires permission to write to conversations.',
    }),
    ...searchFields(t as never, DEFAULT_CHUNKS),
  }),
  payload: builder.objectRef<RecordedAnswer>('AskKnowledgePayload').implement({
    description: 'The answer with its citations.',
    fields: (t) => ({
      answer: t.string({
        description: 'Text of the answer, with references to citations such as `[1]`.',
        resolve: ({ answer }) => answer.text,
      }),
      model: t.string({
        description: 'Model that wrote the answer, or `extractive` without one.',
        resolve: ({ answer }) => answer.model,
      }),
      citations: t.field({
        type: [CitationType],
        description: 'Citations in the text, in the order of their numbers.',
        resolve: ({ answer }) => answer.citations,
      }),
      latencyMs: t.int({
        description: 'Duration of the search and the answer, in milliseconds.',
        resolve: ({ answer }) => answer.latencyMs,
      }),
      tokenCount: t.int({
        description: 'Input and output tokens of the model. 0 without a model.',
        resolve: ({ answer }) => answer.tokens,
      }),
      search: t.field({
        type: SearchResult,
        description: 'Search that provided the chunks.',
        resolve: ({ answer }) => ({ ...answer.search, query: answer.question }),
      }),
      evaluationRun: t.field({
        type: EvaluationRun,
        description: 'Stored answer, for `submitAnswerFeedback`.',
        resolve: ({ run }) => run,
      }),
      messages: t.field({
        type: [Message],
        description: 'Messages with the question and the answer. Empty without `conversationId`.',
        resolve: ({ messages }) => messages,
      }),
      conversation: t.field({
        type: Conversation,
        nullable: true,
        description: 'Conversation with the messages. Null without `conversationId`.',
        resolve: ({ conversation }) => conversation,
      }),
    }),
  }),
  prepare: async ({ query, conversationId, ...given }, context) => {
    if (conversationId != null) {
      if (!context.viewer.permissions.has('conversation:write')) {
        throw new ForbiddenError('Your role or API key does not allow conversation:write.');
      }
      await Conversation.require(context.prisma, conversationId, ['input', 'conversationId']);
    }
    return findAnswer(context, searchInput(query, given, DEFAULT_CHUNKS), { conversationId: conversationId ?? undefined });
  },
  resolve: ({ conversationId }, context, answer) => answerAndRecord(context, context.viewer, answer, conversationId ?? undefined),
});
