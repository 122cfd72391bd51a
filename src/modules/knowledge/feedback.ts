import type { Viewer } from '../../auth/viewer.ts';
import type { Prisma } from '../../db/prisma.ts';
import { tenantKey } from '../../db/tenant-key.ts';
import type { EvaluationRun, Feedback } from '../../generated/prisma/client.ts';
import { NotFoundError } from '../../lib/errors.ts';
import { requireFound } from '../../lib/require-found.ts';

/** Throws NotFoundError. */
export async function judgeSearch(
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

export interface Judgement {
  userFeedback?: Feedback | undefined;
  feedbackComment?: string | undefined;
  qualityScore?: number | undefined;
}

/** Throws NotFoundError. */
export async function judgeAnswer(prisma: Prisma, id: string, judgement: Judgement): Promise<EvaluationRun> {
  const found = prisma.evaluationRun.findFirst({ where: { id }, select: { id: true } });
  await requireFound(found, 'The answer', ['input', 'evaluationRunId']);
  return prisma.evaluationRun.update({ where: tenantKey(id), data: judgement });
}
