import type { EvaluationRun, Message, Prisma as PrismaTypes } from '../../../generated/prisma/client.ts';
import { ModelError } from '../../../platform/ai/model-error.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { UnavailableError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { appendMessage, Conversation } from '../../conversations/exports.ts';
import type { LlmCallRecord } from '../../model-usage/exports.ts';
import { findChunks } from '../documents/chunk.ts';
import { findDocuments } from '../documents/document.ts';
import { recordModelCall } from '../embed-recorded.ts';
import { type LoggedSearch, type SearchInput, searchKnowledge } from '../search/search.ts';
import type { KnowledgeServices } from '../services.ts';
import { EXTRACTIVE, extractiveAnswer, type ScoredChunk } from './extractive-answer.ts';

/** A chunk that an answer refers to, with its number there. */
export interface Citation {
  number: number;
  chunkId: string;
  documentId: string;
  /** The first characters of the chunk at the time of the answer. */
  quote: string;
}

export interface Answer {
  question: string;
  text: string;
  model: string;
  /** The chunks that the text refers to, in the order of their numbers. */
  citations: Citation[];
  /** All chunks that the model received. */
  sources: { chunkId: string; documentId: string; score: number }[];
  tokens: number;
  latencyMs: number;
  search: LoggedSearch;
}

export interface RecordedAnswer {
  answer: Answer;
  run: EvaluationRun;
  /** The question and the answer, if they belong to a conversation. */
  messages: Message[];
  conversation: Conversation | null;
}

const QUOTE_CHARACTERS = 300;

const SYSTEM = 'You answer questions from the documents of a knowledge base.';

export interface AnswerOptions {
  /** The conversation that pays for the answer. */
  conversationId?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Searches and answers. It waits for the model: never call it inside a transaction. */
export async function findAnswer(services: KnowledgeServices, input: SearchInput, options: AnswerOptions = {}): Promise<Answer> {
  const startedAt = performance.now();
  const found = await searchKnowledge(services, input);
  const chunks = new Map(
    (
      await findChunks(
        services.prisma,
        found.hits.map(({ chunkId }) => chunkId),
      )
    ).map((chunk) => [chunk.id, chunk]),
  );
  const documentIds = [...new Set([...chunks.values()].map(({ documentId }) => documentId))];
  const titles = new Map((await findDocuments(services.prisma, documentIds)).map(({ id, title }) => [id, title]));
  const sources = found.hits.flatMap(({ chunkId, score }) => {
    const chunk = chunks.get(chunkId);
    return chunk ? [{ chunk, score }] : [];
  });
  const numbered = sources.map(
    ({ chunk, score }, index): ScoredChunk => ({
      number: index + 1,
      title: titles.get(chunk.documentId) ?? '',
      text: chunk.content,
      score,
    }),
  );
  const { text, model, tokens } = await write(services, input.query, numbered, options);
  const cited = new Set(Array.from(text.matchAll(/\[(\d{1,3})\]/g), (match) => Number(match[1])));
  return {
    question: input.query,
    text,
    model,
    tokens,
    citations: sources.flatMap(({ chunk }, index) =>
      cited.has(index + 1)
        ? [
            {
              number: index + 1,
              chunkId: chunk.id,
              documentId: chunk.documentId,
              quote: chunk.content.slice(0, QUOTE_CHARACTERS).toWellFormed(),
            },
          ]
        : [],
    ),
    sources: sources.map(({ chunk, score }) => ({ chunkId: chunk.id, documentId: chunk.documentId, score })),
    latencyMs: Math.round(performance.now() - startedAt),
    search: found,
  };
}

async function write(
  services: KnowledgeServices,
  question: string,
  chunks: ScoredChunk[],
  { conversationId, signal }: AnswerOptions,
) {
  const { models, log } = services;
  const { answerGenerator } = models;
  if (!answerGenerator || chunks.length === 0) return { text: extractiveAnswer(question, chunks), model: EXTRACTIVE, tokens: 0 };
  const { id, provider, model } = answerGenerator;
  const startedAt = performance.now();
  const record = (rest: Pick<LlmCallRecord, 'status' | 'inputTokens' | 'outputTokens' | 'estimated'> & Partial<LlmCallRecord>) =>
    recordModelCall(services, {
      kind: 'ANSWER',
      provider,
      model,
      conversationId,
      prompt: { passages: chunks.length },
      latencyMs: performance.now() - startedAt,
      ...rest,
    });
  try {
    const { text, inputTokens, outputTokens, cachedInputTokens, estimated, adjustments } = await answerGenerator.generate(
      { system: SYSTEM, question, chunks },
      { signal },
    );
    const response = { text, toolCalls: [], ...(adjustments.length > 0 ? { adjustments } : {}) };
    await record({ status: 'SUCCESS', inputTokens, outputTokens, cachedTokens: cachedInputTokens, estimated, response });
    return { text, model: id, tokens: inputTokens + outputTokens };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    log.warn({ err: error, model: id }, 'answer generation failed');
    const { code, message, spentTokens } = error;
    const status = code === 'MODEL_TIMEOUT' ? 'TIMEOUT' : 'ERROR';
    await record({ status, inputTokens: spentTokens, outputTokens: 0, estimated: spentTokens > 0, error: { code, message } });
    throw new UnavailableError('The model did not answer. Retry the request.', { cause: error });
  }
}

/** Stores an answer, and appends it to a conversation if one is given. Runs inside the caller's transaction. */
export async function answerAndRecord(
  services: KnowledgeServices,
  viewer: Viewer,
  answer: Answer,
  conversationId: string | undefined,
): Promise<RecordedAnswer> {
  const { prisma } = services;
  const run = await prisma.evaluationRun.create({
    data: {
      tenantId: viewer.tenantId,
      id: newId(),
      query: answer.question,
      response: answer.text,
      model: answer.model,
      sources: answer.sources as unknown as PrismaTypes.InputJsonArray,
      latencyMs: answer.latencyMs,
      tokenCount: BigInt(answer.tokens),
      userId: viewer.userId ?? null,
    },
  });
  if (conversationId === undefined) return { answer, run, messages: [], conversation: null };
  const question = await appendMessage(services, viewer, { conversationId, role: 'USER', content: answer.question });
  const reply = await appendMessage(services, viewer, {
    conversationId,
    role: 'ASSISTANT',
    content: answer.text,
    citations: answer.citations,
    model: answer.model.slice(0, 100),
    latencyMs: answer.latencyMs,
    parentMessageId: question.message.id,
    ...(answer.tokens > 0 ? { tokenCount: BigInt(answer.tokens) } : {}),
  });
  return {
    answer,
    run,
    messages: [question.message, reply.message],
    conversation: await Conversation.require(prisma, conversationId, []),
  };
}
