import { fitsJson } from './canonical-json.ts';
import { CpuBudgetError, runInCpuBudget } from './cpu-budget.ts';
import type { JsonSchema, SchemaAnswer, SchemaIssue, SchemaTask } from './schema-messages.ts';
import { runInThread } from './schema-threads.ts';

export type { JsonSchema, SchemaIssue } from './schema-messages.ts';

/** A schema that cannot be compiled or evaluated. The message is the reason, a clause without a period. */
export class UnusableSchemaError extends Error {}

/** The person has used up the CPU budget for schemas: this one was not looked at. */
export class SchemaBudgetError extends UnusableSchemaError {}

export const MAX_SCHEMA_BYTES = 65_536;

const OVER_BUDGET =
  'your schemas took more than 2 seconds of computing time within a minute. Simplify them, or retry in a minute';

async function run(task: SchemaTask): Promise<SchemaAnswer> {
  if (!fitsJson(task.schema, MAX_SCHEMA_BYTES)) {
    throw new UnusableSchemaError('it has more than 64 KiB or more than 64 levels of nesting');
  }
  const answer = await runInCpuBudget(() => runInThread(task)).catch((error: unknown) => {
    throw error instanceof CpuBudgetError ? new SchemaBudgetError(OVER_BUDGET) : error;
  });
  if (answer.unusable !== undefined) throw new UnusableSchemaError(answer.unusable);
  return answer;
}

/** Throws UnusableSchemaError. Must not run in a transaction, since the thread may be busy with other schemas. */
export async function requireUsableSchema(schema: JsonSchema): Promise<void> {
  await run({ schema });
}

/** Validates a value and returns the first violation, if any. Throws UnusableSchemaError. Must not run in a transaction. */
export async function validateJson(schema: JsonSchema, value: unknown): Promise<SchemaIssue[]> {
  return (await run({ schema, value: { json: value } })).issues;
}
