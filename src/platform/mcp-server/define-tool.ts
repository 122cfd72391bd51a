import type { CallToolResult, ContentBlock, Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Permission } from '../auth/permissions.ts';
import { ValidationError } from '../lib/errors.ts';
import { type McpContext, requirePermission } from './context.ts';
import { toolFailure } from './errors.ts';

type Shape = z.ZodRawShape;

export interface ToolDefinition<Input extends Shape, Output extends Shape> {
  /** In snake_case, starting with a verb. */
  name: string;
  title: string;
  /** Written for the model, which decides by it whether to call the tool. */
  description: string;
  /** Required permission. Viewers without it do not see the tool. */
  access: Permission;
  /** Whether the tool writes data. If so, `run` executes in one transaction. */
  writes: boolean;
  annotations?: { destructiveHint?: boolean; idempotentHint?: boolean; openWorldHint?: boolean };
  input: Input;
  output: Output;
  /** Content for clients that do not support structured content. @default the output as JSON text */
  content?: (output: z.output<z.ZodObject<Output>>) => ContentBlock[];
  /** A DomainError becomes an error result for the model. Other errors are masked and logged. */
  run: (context: McpContext, input: z.output<z.ZodObject<Input>>) => Promise<z.input<z.ZodObject<Output>>>;
}

export interface Tool {
  name: string;
  access: Permission;
  listed: ListedTool;
  /** Never throws: failures are error results. */
  call(context: McpContext, input: unknown): Promise<CallToolResult>;
}

export function asJson(output: unknown): ContentBlock {
  return { type: 'text', text: JSON.stringify(output) };
}

function issuesOf(error: z.ZodError): ValidationError {
  return new ValidationError(error.issues.map(({ path, message }) => ({ path: path.map(String), message })));
}

/** Declares a tool. The listing, validation, authorization and formatting of results are derived from the declaration. */
export function defineTool<Input extends Shape, Output extends Shape>(definition: ToolDefinition<Input, Output>): Tool {
  const { name, title, description, access, writes, annotations, content, run } = definition;
  const input = z.strictObject(definition.input);
  const output = z.object(definition.output);
  // JSON Schema 2020-12 is the default dialect of MCP. Clients that know only an older dialect reject an explicit `$schema`.
  const { $schema: _dialect, ...outputSchema } = z.toJSONSchema(output, { io: 'output' });
  const listed = {
    name,
    title,
    description,
    inputSchema: z.toJSONSchema(input, { io: 'input' }),
    outputSchema,
    annotations: { title, readOnlyHint: !writes, destructiveHint: false, openWorldHint: false, ...annotations },
  } as ListedTool;
  return {
    name,
    access,
    listed,
    async call(context, given) {
      try {
        requirePermission(context, access, `the tool ${name}`);
        const parsed = await input.safeParseAsync(given ?? {});
        if (!parsed.success) throw issuesOf(parsed.error);
        const work = async () => run(context, parsed.data as z.output<z.ZodObject<Input>>);
        const result = await (writes ? context.database.transaction(work) : work());
        // Removes properties that the output schema does not declare.
        const structured = await output.parseAsync(result);
        return {
          content: content?.(structured as z.output<z.ZodObject<Output>>) ?? [asJson(structured)],
          structuredContent: structured,
        };
      } catch (error) {
        return toolFailure(error, context.log, context, name);
      }
    },
  };
}
