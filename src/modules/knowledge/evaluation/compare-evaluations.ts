import type { EvaluationRun } from '../../../generated/prisma/client.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';

export interface ComparedQuestion {
  query: string;
  /** One for each evaluation, in the order they were named; null where it did not ask this. */
  runs: (EvaluationRun | null)[];
}

/** The questions of several evaluations, in the order they were first asked. Throws NotFoundError. */
export async function compareEvaluations(prisma: Prisma, ids: readonly string[]): Promise<ComparedQuestion[]> {
  const found = new Set(
    (await prisma.evaluation.findMany({ where: { id: { in: [...ids] } }, select: { id: true } })).map(({ id }) => id),
  );
  const missing = ids.findIndex((id) => !found.has(id));
  if (missing >= 0) throw new NotFoundError('The evaluation', { path: ['ids', String(missing)] });
  const runs = await prisma.evaluationRun.findMany({
    where: { evaluationId: { in: [...ids] } },
    orderBy: [{ position: 'asc' }, { id: 'asc' }],
  });
  const byQuery = Map.groupBy(runs, ({ query }) => query);
  return Array.from(byQuery, ([query, asked]) => ({
    query,
    runs: ids.map((id) => asked.find(({ evaluationId }) => evaluationId === id) ?? null),
  }));
}
