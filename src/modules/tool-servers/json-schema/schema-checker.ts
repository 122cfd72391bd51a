import { createContext, Script } from 'node:vm';
import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { LRUCache } from 'lru-cache';
import { hashOfJson } from './canonical-json.ts';
import type { JsonSchema, SchemaAnswer, SchemaIssue, SchemaTask } from './schema-messages.ts';

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

const script = new Script('work()');

class TimeoutError extends Error {}

/** Runs `work` synchronously and interrupts it at the timeout, even in a regular expression that backtracks without end. */
function runWithTimeout<T>(timeoutMs: number, work: () => T): T {
  let result: { value: T } | undefined;
  const scope = createContext({
    work: () => {
      result = { value: work() };
    },
  });
  try {
    script.runInContext(scope, { timeout: timeoutMs });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new TimeoutError();
    throw error;
  }
  return (result as { value: T }).value;
}

type Compiled = { validate: ValidateFunction } | { unusable: string };
type Compiler = (schema: JsonSchema) => ValidateFunction;

const compiled = new LRUCache<string, Compiled>({ max: 250 });
let compilers: Promise<{ current: Compiler; draft7: Compiler }> | undefined;

/** Loads the compilers at the first check. Compiles the meta-schemas here, outside of the timeout. */
async function loadCompilers(): Promise<{ current: Compiler; draft7: Compiler }> {
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
  }) as [Compiler, Compiler];
  return { draft7, current };
}

function compile(schema: JsonSchema, { draft7, current }: { current: Compiler; draft7: Compiler }): Compiled {
  const key = hashOfJson(schema);
  const known = compiled.get(key);
  if (known) return known;
  const { $schema, $id: _id, $async: _async, ...rest } = schema;
  const compiler = typeof $schema === 'string' && /draft-0[467]/.test($schema) ? draft7 : current;
  let result: Compiled;
  try {
    result = { validate: runWithTimeout(COMPILE_MS, () => compiler(rest)) };
  } catch (error) {
    result = { unusable: error instanceof TimeoutError ? 'it takes too long to compile' : reasonOf(error) };
  }
  compiled.set(key, result);
  return result;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 200) : 'it cannot be compiled';
}

function check(validate: ValidateFunction, value: unknown): Partial<SchemaAnswer> {
  try {
    return { issues: runWithTimeout(CHECK_MS, () => (validate(value) ? [] : (validate.errors ?? []).slice(0, 1).map(issueOf))) };
  } catch (error) {
    if (error instanceof TimeoutError) return { issues: [{ path: [], message: 'Takes too long to validate.' }] };
    if (error instanceof RangeError) return { unusable: 'it refers to itself without end' };
    throw error;
  }
}

/** Compiles a schema, and validates a value if there is one. */
export async function runSchemaTask({ schema, value }: SchemaTask): Promise<SchemaAnswer> {
  compilers ??= loadCompilers();
  const loaded = await compilers;
  const start = process.threadCpuUsage();
  const result = compile(schema, loaded);
  const answer = 'unusable' in result ? result : value ? check(result.validate, value.json) : {};
  const { user, system } = process.threadCpuUsage(start);
  return { issues: [], unusable: undefined, ...answer, cpuMs: (user + system) / 1000 };
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
