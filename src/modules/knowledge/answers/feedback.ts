import type { EvaluationRun, Feedback } from '../../../generated/prisma/client.ts';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import { NotFoundError } from '../../../platform/lib/errors.ts';
import { requireFound } from '../../../platform/lib/require-found.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { tenantKey } from '../../../platform/postgres/tenant-key.ts';

/** Throws NotFoundError. */
export async function rateSearch(
  prisma: Prisma,
  viewer: Viewer,
  id: string,
  feedback: Feedback,
  comment: string | null,
): Promise<void> {
  const { count } = await prisma.ragQuery.updateMany({
    where: { tenantId: viewer.tenantId, id },
    data: { feedback, feedbackComment: comment, feedbackAt: new Date() },
  });
  if (count === 0) throw new NotFoundError('The search', { path: ['input', 'queryId'] });
}

export interface Rating {
  userFeedback?: Feedback | undefined;
  feedbackComment?: string | undefined;
  qualityScore?: number | undefined;
}

/** Throws NotFoundError. */
export async function rateAnswer(prisma: Prisma, id: string, judgement: Rating): Promise<EvaluationRun> {
  const found = prisma.evaluationRun.findFirst({ where: { id }, select: { id: true } });
  await requireFound(found, 'The answer', ['input', 'evaluationRunId']);
  return prisma.evaluationRun.update({ where: tenantKey(id), data: judgement });
}
