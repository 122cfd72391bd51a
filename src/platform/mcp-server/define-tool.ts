import type { CallToolResult, ContentBlock, Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { Permission } from '../auth/permissions.ts';
import { ValidationError } from '../lib/errors.ts';
import { type McpContext, requirePermission } from './context.ts';
import { toolFailure } from './errors.ts';

type Shape = z.ZodRawShape;

export interface ToolDefinition<Input extends Shape, Output extends Shape> {
  /** snake_case, a verb first. */
  name: string;
  title: string;
  /** For the model that decides whether to call it. */
  description: string;
  /** The right it takes. Whoever lacks it does not see the tool. */
  access: Permission;
  /** Whether it changes anything. Then it runs in one transaction with everything it calls. */
  writes: boolean;
  annotations?: { destructiveHint?: boolean; idempotentHint?: boolean; openWorldHint?: boolean };
  input: Input;
  output: Output;
  /** How a client without structured content shows the output. @default its JSON */
  content?: (output: z.output<z.ZodObject<Output>>) => ContentBlock[];
  /** DomainErrors become failures that the model reads; anything else is masked and logged. */
  run: (context: McpContext, input: z.output<z.ZodObject<Input>>) => Promise<z.input<z.ZodObject<Output>>>;
}

export interface Tool {
  name: string;
  access: Permission;
  listed: ListedTool;
  /** Never throws: what goes wrong is a result. */
  call(context: McpContext, input: unknown): Promise<CallToolResult>;
}

export function asJson(output: unknown): ContentBlock {
  return { type: 'text', text: JSON.stringify(output) };
}

/** A field of more than one meaning is one issue for each. */
function issuesOf(error: z.ZodError): ValidationError {
  return new ValidationError(error.issues.map(({ path, message }) => ({ path: path.map(String), message })));
}

/** Models often write null for an argument that they leave out. Keeps null where it is a value. */
function withoutNulls(shape: Shape, given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  const isGiven = ([name, value]: [string, unknown]) =>
    value !== null || (Object.hasOwn(shape, name) && z.safeParse(shape[name] as z.ZodType, null).success);
  return Object.fromEntries(Object.entries(given).filter(isGiven));
}

/** Declares a tool once: what is listed, checked, allowed and answered follows from it. */
export function defineTool<Input extends Shape, Output extends Shape>(definition: ToolDefinition<Input, Output>): Tool {
  const { name, title, description, access, writes, annotations, content, run } = definition;
  const input = z.strictObject(definition.input);
  const output = z.object(definition.output);
  // The dialect is the protocol's own, so it need not be named; clients that know an older one refuse the name.
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
        const parsed = await input.safeParseAsync(withoutNulls(definition.input, given ?? {}));
        if (!parsed.success) throw issuesOf(parsed.error);
        const work = async () => run(context, parsed.data as z.output<z.ZodObject<Input>>);
        const result = await (writes ? context.database.transaction(work) : work());
        // Only what is declared leaves, whatever else a row has.
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
