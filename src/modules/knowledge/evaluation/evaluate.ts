import type { Evaluation, SearchStrategy } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { DomainError, NotFoundError } from '../../../platform/lib/errors.ts';
import { newId } from '../../../platform/lib/ids.ts';
import { runWithContext, tenantKey } from '../../../platform/postgres/request-scope.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import { Collection } from '../collection.ts';
import { findChunks } from '../documents/chunk.ts';
import { search } from '../search/search.ts';
import type { KnowledgeServices } from '../services.ts';
import { mean, type RetrievalScores, scoreRetrieval } from './retrieval-scores.ts';

export interface EvaluationQuestion {
  query: string;
  expectedDocumentIds: string[];
}

export interface EvaluationFields {
  name: string;
  collectionIds: string[];
  questions: EvaluationQuestion[];
  topK: number;
  strategy: SearchStrategy;
  vectorWeight: number;
  keywordWeight: number;
}

/** Stores and enqueues an evaluation. Throws NotFoundError for collections and documents of other tenants. */
export async function startEvaluation(
  services: KnowledgeServices,
  viewer: Viewer,
  fields: EvaluationFields,
): Promise<Evaluation> {
  const { prisma, jobs } = services;
  for (const [index, id] of fields.collectionIds.entries())
    await Collection.require(prisma, id, ['input', 'collectionIds', String(index)]);
  const expected = [...new Set(fields.questions.flatMap(({ expectedDocumentIds }) => expectedDocumentIds))];
  const known = new Set(
    (await prisma.document.findMany({ where: { id: { in: expected }, deletedAt: null }, select: { id: true } })).map(
      ({ id }) => id,
    ),
  );
  fields.questions.forEach(({ expectedDocumentIds }, question) => {
    const missing = expectedDocumentIds.findIndex((id) => !known.has(id));
    if (missing < 0) return;
    throw new NotFoundError('The expected document', {
      path: ['input', 'questions', String(question), 'expectedDocumentIds', String(missing)],
    });
  });
  const evaluation = await prisma.evaluation.create({
    data: {
      ...fields,
      questions: fields.questions as unknown as object[],
      questionCount: fields.questions.length,
      tenantId: viewer.tenantId,
      id: newId(),
      createdById: viewer.userId ?? null,
    },
  });
  await jobs.enqueue('evaluation.run', [{ tenantId: viewer.tenantId, id: evaluation.id }]);
  return evaluation;
}

/** Asks all questions without a result. It can stop at any point and run again. */
export function runEvaluation(services: KnowledgeServices, tenantId: string, id: string, signal: AbortSignal): Promise<void> {
  return runWithContext({ tenantId }, async () => {
    const evaluation = await begin(services, id);
    if (!evaluation) return;
    try {
      await askAll(services, evaluation, signal);
    } catch (error) {
      // A retry does not help, such as when a collection was archived in the meantime.
      if (!(error instanceof DomainError) || error.code === 'UNAVAILABLE') throw error;
      await endEvaluation(services, evaluation, error.message);
      return;
    }
    await endEvaluation(services, evaluation, undefined);
  });
}

/** Sets an evaluation to FAILED after its last attempt ended without a result, such as when each worker crashed. */
export function markEvaluationFailed(services: KnowledgeServices, tenantId: string, id: string): Promise<void> {
  return runWithContext({ tenantId }, async () => {
    const evaluation = await services.prisma.evaluation.findFirst({ where: { id } });
    if (!evaluation || evaluation.completedAt) return;
    await endEvaluation(
      services,
      evaluation,
      'All attempts to run the evaluation failed. See the log of the worker for the error.',
    );
  });
}

async function begin({ database, prisma }: KnowledgeServices, id: string): Promise<Evaluation | undefined> {
  return database.transaction(async () => {
    const evaluation = await prisma.evaluation.findFirst({ where: { id } });
    if (!evaluation || evaluation.completedAt) return undefined;
    const key = tenantKey(id);
    return prisma.evaluation.update({ where: key, data: { status: 'RUNNING', startedAt: evaluation.startedAt ?? new Date() } });
  });
}

async function askAll(services: KnowledgeServices, evaluation: Evaluation, signal: AbortSignal): Promise<void> {
  const { prisma } = services;
  const asked = await prisma.evaluationRun.findMany({ where: { evaluationId: evaluation.id }, select: { position: true } });
  const done = new Set(asked.map(({ position }) => position));
  for (const [position, question] of (evaluation.questions as unknown as EvaluationQuestion[]).entries()) {
    if (done.has(position)) continue;
    signal.throwIfAborted();
    await ask(services, evaluation, position, question);
  }
}

async function ask(
  services: KnowledgeServices,
  evaluation: Evaluation,
  position: number,
  question: EvaluationQuestion,
): Promise<void> {
  const { database, prisma } = services;
  const { tenantId, id, topK, strategy, collectionIds, vectorWeight, keywordWeight } = evaluation;
  const found = await search(services, {
    query: question.query,
    collectionIds,
    topK,
    strategy,
    vectorWeight,
    keywordWeight,
    filter: {},
  });
  const documentOf = new Map(
    (
      await findChunks(
        prisma,
        found.hits.map(({ chunkId }) => chunkId),
      )
    ).map((chunk) => [chunk.id, chunk.documentId]),
  );
  const sources = found.hits.flatMap(({ chunkId, score }) => {
    const documentId = documentOf.get(chunkId);
    return documentId === undefined ? [] : [{ chunkId, documentId, score }];
  });
  const scores: RetrievalScores = scoreRetrieval(
    sources.map(({ documentId }) => documentId),
    question.expectedDocumentIds,
  );
  await database.transaction(async () => {
    // Another worker may have stored a result for this question meanwhile; skipDuplicates preserves it.
    const { count } = await prisma.evaluationRun.createMany({
      data: {
        tenantId,
        id: newId(),
        evaluationId: id,
        position,
        query: question.query,
        expectedDocumentIds: question.expectedDocumentIds,
        sources,
        latencyMs: found.responseMs,
        userId: evaluation.createdById,
        ...scores,
      },
      skipDuplicates: true,
    });
    if (count === 0) return;
    await queryRows(database, sql`UPDATE evaluations SET completed_count = completed_count + 1 WHERE id = ${id}::uuid`);
  });
}

async function endEvaluation(
  { database, prisma }: KnowledgeServices,
  evaluation: Evaluation,
  problem: string | undefined,
): Promise<void> {
  await database.transaction(async () => {
    const runs = await prisma.evaluationRun.findMany({
      where: { evaluationId: evaluation.id },
      select: { recall: true, reciprocalRank: true, ndcg: true, latencyMs: true },
    });
    await prisma.evaluation.updateMany({
      where: { id: evaluation.id, completedAt: null },
      data: {
        status: problem === undefined ? 'COMPLETED' : 'FAILED',
        errorMessage: problem ?? null,
        completedAt: new Date(),
        recall: mean(runs.map(({ recall }) => recall ?? 0)),
        mrr: mean(runs.map(({ reciprocalRank }) => reciprocalRank ?? 0)),
        ndcg: mean(runs.map(({ ndcg }) => ndcg ?? 0)),
        latencyMs: mean(runs.map(({ latencyMs }) => latencyMs)),
      },
    });
  });
}
