import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { namedCache } from '../../../platform/lib/cache-stats.ts';
import { fitsJson, hashOfJson } from './canonical-json.ts';
import { CpuBudgetError, runInCpuBudget, TimeoutError } from './cpu-budget.ts';

export type JsonSchema = Record<string, unknown>;

/** A violation of a schema. */
export interface SchemaIssue {
  path: string[];
  message: string;
}

/** A schema that cannot be compiled or evaluated. The message is the reason, a clause without a period. */
export class UnusableSchemaError extends Error {}

export const MAX_SCHEMA_BYTES = 65_536;
/** Timeouts for one schema and for one value. Both are untrusted. */
const COMPILE_MS = 1_000;
const CHECK_MS = 250;

const OPTIONS: Options = {
  strict: false,
  // Collecting all errors could take memory in proportion to the value.
  allErrors: false,
  logger: false,
  addUsedSchema: false,
};

type Compiled = { validate: ValidateFunction } | { unusable: string };

const compiled = namedCache<string, Compiled>('json_schemas', { max: 500 });
let compilers: Promise<Compilers> | undefined;

interface Compilers {
  current: (schema: JsonSchema) => ValidateFunction;
  draft7: (schema: JsonSchema) => ValidateFunction;
}

/** Loads the compilers at the first check. Compiles the meta-schemas here, outside of the timeout. */
async function loadCompilers(): Promise<Compilers> {
  const [{ Ajv }, { Ajv2020 }, { default: addFormats }] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2020.js'),
    import('ajv-formats'),
  ]);
  const [draft7, current] = [new Ajv(OPTIONS), new Ajv2020(OPTIONS)].map((ajv) => {
    addFormats.default(ajv);
    ajv.validateSchema({});
    return (schema: JsonSchema) => {
      try {
        return ajv.compile(schema);
      } finally {
        // Ajv would cache it forever.
        ajv.removeSchema(schema);
      }
    };
  }) as [Compilers['draft7'], Compilers['current']];
  return { draft7, current };
}

async function compile(schema: JsonSchema): Promise<Compiled> {
  if (!fitsJson(schema, MAX_SCHEMA_BYTES)) return { unusable: 'it has more than 64 KiB or more than 64 levels of nesting' };
  const key = hashOfJson(schema);
  const known = compiled.get(key);
  if (known) return known;
  compilers ??= loadCompilers();
  const { draft7, current } = await compilers;
  const { $schema, $id: _id, $async: _async, ...rest } = schema;
  const compiler = typeof $schema === 'string' && /draft-0[467]/.test($schema) ? draft7 : current;
  let result: Compiled;
  try {
    result = { validate: runInCpuBudget(COMPILE_MS, () => compiler(rest)) };
  } catch (error) {
    result = { unusable: error instanceof TimeoutError ? 'it takes too long to compile' : reasonOf(error) };
    // Another tenant with the same schema may have budget left, so this result is not cached.
    if (error instanceof CpuBudgetError) return result;
  }
  compiled.set(key, result);
  return result;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 200) : 'it cannot be compiled';
}

/** Throws UnusableSchemaError. */
export async function requireUsableSchema(schema: JsonSchema): Promise<void> {
  const result = await compile(schema);
  if ('unusable' in result) throw new UnusableSchemaError(result.unusable);
}

/** Validates a value and returns the first violation, if any. Throws UnusableSchemaError. */
export async function validateJson(schema: JsonSchema, value: unknown): Promise<SchemaIssue[]> {
  const result = await compile(schema);
  if ('unusable' in result) throw new UnusableSchemaError(result.unusable);
  const { validate } = result;
  try {
    return runInCpuBudget(CHECK_MS, () => (validate(value) ? [] : (validate.errors ?? []).slice(0, 1).map(issueOf)));
  } catch (error) {
    if (error instanceof TimeoutError) return [{ path: [], message: 'Takes too long to validate.' }];
    // The schema refers to itself without end.
    if (error instanceof RangeError) throw new UnusableSchemaError('it refers to itself without end');
    throw error;
  }
}

function issueOf({ instancePath, keyword, message = 'is not valid', params }: ErrorObject): SchemaIssue {
  const path = instancePath.split('/').slice(1).map(unescapePointer);
  if (keyword === 'required') return { path: [...path, String(params.missingProperty)], message: 'Is missing.' };
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    return {
      path: [...path, String(params.additionalProperty ?? params.unevaluatedProperty)],
      message: 'Is not a known property.',
    };
  }
  return { path, message: `${message.charAt(0).toUpperCase()}${message.slice(1)}.` };
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
