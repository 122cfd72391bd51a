import type { ErrorObject, ValidateFunction } from 'ajv';
import type { RunTool, ToolInputSchema } from './tool.ts';

const compiled = new WeakMap<ToolInputSchema, ValidateFunction>();

/** Loaded when the first tool is asked for. */
async function compile(schema: ToolInputSchema): Promise<ValidateFunction> {
  const known = compiled.get(schema);
  if (known) return known;
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const validate = new Ajv2020({ allErrors: true }).compile(schema);
  compiled.set(schema, validate);
  return validate;
}

function say({ instancePath, message, params, keyword }: ErrorObject): string {
  const at = instancePath === '' ? 'The arguments' : instancePath.slice(1).replaceAll('/', '.');
  const extra = keyword === 'additionalProperties' ? ` (${String(params.additionalProperty)})` : '';
  return `${at} ${message ?? 'are not valid'}${extra}`;
}

/** Why a tool is not to be called with these arguments, for the model to do better. Undefined when nothing is wrong. */
export async function argumentError(tool: RunTool, args: Record<string, unknown>): Promise<string | undefined> {
  // What an MCP server is given is checked where it is called.
  if (tool.source === 'MCP') return undefined;
  const validate = await compile(tool.inputSchema);
  if (validate(args)) return undefined;
  return `The arguments of ${tool.name} are not valid: ${(validate.errors ?? []).map(say).join('; ')}.`;
}
