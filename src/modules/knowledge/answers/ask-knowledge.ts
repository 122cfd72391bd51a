import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { dependsOn } from '../../../platform/graphql/kit/selection.ts';
import { ForbiddenError } from '../../../platform/lib/errors.ts';
import { Conversation, Message, requireConversation } from '../../conversations/exports.ts';
import { Chunk } from '../documents/chunk.ts';
import { Document } from '../documents/document.ts';
import { queryRule, searchFields, searchInput } from '../search/search-fields.ts';
import { SearchResult } from '../search/search-query.ts';
import { answerAndRecord, type Citation, findAnswer, type RecordedAnswer } from './answer-question.ts';
import { EvaluationRun } from './evaluation-run.ts';

const CitationType = builder.objectRef<Citation>('Citation').implement({
  description: 'A passage that an answer rests on.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'How the answer refers to it: `[1]` is number 1.' }),
    quote: t.exposeString('quote', { description: 'The beginning of the passage, as it was when the answer was given.' }),
    chunk: t.field({
      type: Chunk,
      nullable: true,
      description: 'The passage. Null once its document was read anew, or deleted.',
      resolve: ({ chunkId }, _args, context) => Chunk.load(context, chunkId),
    }),
    document: t.field({
      type: Document,
      nullable: true,
      description: 'Its document. Null once it is gone for good.',
      resolve: ({ documentId }, _args, context) => Document.load(context, documentId),
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

const DEFAULT_CHUNKS = 6;

mutation('askKnowledge', {
  description:
    'Answers a question from the documents, with the passages behind the answer: by the configured model, or, where none is, with sentences of ' +
    'the best passages. With a conversation, question and answer become messages of it.',
  access: 'knowledge:write',
  input: (t) => ({
    query: t.string({ required: true, description: 'The question.', validate: queryRule }),
    conversationId: nodeId(t, 'Conversation', { description: 'The conversation to say question and answer in.' }),
    ...searchFields(t as never, DEFAULT_CHUNKS),
  }),
  payload: builder.objectRef<RecordedAnswer>('AskKnowledgePayload').implement({
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
        resolve: ({ conversation }) => conversation,
      }),
    }),
  }),
  prepare: async ({ query, conversationId, ...given }, context) => {
    if (conversationId != null) {
      if (!context.viewer.permissions.has('conversation:write')) {
        throw new ForbiddenError('Your role or API key does not allow writing to conversations.');
      }
      await requireConversation(context.prisma, conversationId, ['input', 'conversationId']);
    }
    return findAnswer(context, searchInput(query, given, DEFAULT_CHUNKS));
  },
  resolve: ({ conversationId }, context, answer) => answerAndRecord(context, context.viewer, answer, conversationId ?? undefined),
});
