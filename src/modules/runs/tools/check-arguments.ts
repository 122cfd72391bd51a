import type { ErrorObject, ValidateFunction } from 'ajv';
import type { RunTool, ToolInputSchema } from './tool.ts';

const compiled = new WeakMap<ToolInputSchema, ValidateFunction>();

/** Loads ajv with the first check. */
async function compile(schema: ToolInputSchema): Promise<ValidateFunction> {
  const known = compiled.get(schema);
  if (known) return known;
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  const validate = new Ajv2020({ allErrors: true }).compile(schema);
  compiled.set(schema, validate);
  return validate;
}

function formatError({ instancePath, message, params, keyword }: ErrorObject): string {
  const at = instancePath === '' ? 'The arguments' : instancePath.slice(1).replaceAll('/', '.');
  const extra = keyword === 'additionalProperties' ? ` (${String(params.additionalProperty)})` : '';
  return `${at} ${message ?? 'are not valid'}${extra}`;
}

/** The error that the model receives for arguments that violate the schema. Undefined for valid ones. */
export async function argumentError(tool: RunTool, args: Record<string, unknown>): Promise<string | undefined> {
  // The MCP client checks arguments of MCP tools.
  if (tool.source === 'MCP') return undefined;
  const validate = await compile(tool.inputSchema);
  if (validate(args)) return undefined;
  return `The arguments of ${tool.name} are not valid: ${(validate.errors ?? []).map(formatError).join('; ')}.`;
}
