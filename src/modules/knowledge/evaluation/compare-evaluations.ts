import { replayable } from '../../../platform/graphql/field-extensions.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { NotFoundError, ValidationError } from '../../../platform/lib/errors.ts';
import type { Prisma } from '../../../platform/postgres/prisma.ts';
import { EvaluationRun } from '../answers/evaluation-run.ts';

interface ComparedQuestion {
  query: string;
  /** One for each evaluation, in the order of their ids; null where the evaluation did not ask the question. */
  runs: (EvaluationRun | null)[];
}

/** The questions of several evaluations, in the order of their positions. Throws NotFoundError. */
async function compareEvaluations(prisma: Prisma, ids: readonly string[]): Promise<ComparedQuestion[]> {
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

const ComparedQuestionType = builder.objectRef<ComparedQuestion>('ComparedQuestion').implement({
  description: 'A question with its results in several evaluations.',
  fields: (t) => ({
    query: t.exposeString('query', { description: 'Text of the question.' }),
    runs: t.field({
      type: [EvaluationRun],
      nullable: { list: false, items: true },
      description: 'Result in each evaluation, in the order of `ids`. Null where the evaluation did not ask the question.',
      resolve: ({ runs }) => runs,
    }),
  }),
});

const MAX_COMPARED = 10;

builder.queryField('compareEvaluations', (t) =>
  t.field({
    type: [ComparedQuestionType],
    description: `Compares the results of at most ${MAX_COMPARED} evaluations for each question.`,
    authScopes: { permission: 'knowledge:read' },
    args: {
      ids: t.arg.idList({ required: true, description: `\`id\` or \`uuid\` of each evaluation, at most ${MAX_COMPARED}.` }),
    },
    complexity: { field: 100 },
    extensions: replayable,
    resolve: (_root, { ids }, context) => {
      if (ids.length > MAX_COMPARED)
        throw ValidationError.inputPath(['ids'], `${ids.length} ids are too many. Compare at most ${MAX_COMPARED} evaluations.`);
      return compareEvaluations(
        context.prisma,
        ids.map((id, index) => parseId('Evaluation', String(id), ['ids', String(index)])),
      );
    },
  }),
);
