import { z } from 'zod';
import type { ToolSource } from '../../generated/prisma/enums.ts';
import type { Permission } from '../../platform/auth/permissions.ts';
import { ValidationError } from '../../platform/lib/errors.ts';

/** A tool that runs of an agent may call. */
export type ToolReference = { approval: boolean } & (
  | { kind: 'calculator' }
  | { kind: 'current_time' }
  /** By UUID or slug. All active collections of the tenant when absent. */
  | { kind: 'search_knowledge'; collections: string[] | undefined }
  /** Tools of the tenant's MCP server with this slug; `*` for all of them. */
  | { kind: 'mcp'; server: string; tool: string }
);

/** The description of `Agent.tools` in object and input types. */
export const TOOLS_DESCRIPTION = `Tools that the agent may call, as objects:
- \`{ "name": "calculator" }\` and \`{ "name": "current_time" }\`, built in;
- \`{ "name": "search_knowledge", "collections": ["handbook"] }\`, with collections by UUID or slug, default: all active collections;
- \`{ "mcp": "files", "name": "read_file" }\`, a tool of the MCP server with this slug in the tenant, \`"*"\` for all of its tools.

Naming a tool, and any later change of the agent, takes the permission that using the tool takes. With \`"approval": true\` each call waits for approval. Other objects describe tools of your own runtime: the server stores them and does not offer them to the model.`;

const approval = z.boolean('Must be true or false.').default(false);
const builtIn = z.object({ name: z.enum(['calculator', 'current_time', 'search_knowledge']), approval });
const collections = z
  .array(
    z.string('Must be a UUID or a slug.').min(1, 'Must not be empty.').max(100, 'Must be a UUID or a slug.'),
    'Must be a list.',
  )
  .min(1, 'Must not be empty.')
  .max(50, 'Must have at most 50 items.');
const mcp = z.object({
  mcp: z.string('Must be the slug of an MCP server.').min(1, 'Must not be empty.').max(63, 'Must be the slug of an MCP server.'),
  name: z
    .string("Must be the name of a tool, or '*' for all.")
    .min(1, 'Must not be empty.')
    .max(200, 'Must have at most 200 characters.'),
  approval,
});

function read(tool: unknown): { reference: ToolReference | undefined; issues: z.core.$ZodIssue[] } {
  const given = (typeof tool === 'object' && tool !== null ? tool : {}) as Record<string, unknown>;
  if ('mcp' in given) {
    const { data, error } = mcp.safeParse(given);
    if (!data) return { reference: undefined, issues: error.issues };
    return { reference: { kind: 'mcp', server: data.mcp, tool: data.name, approval: data.approval }, issues: [] };
  }
  if (!builtIn.shape.name.safeParse(given.name).success) return { reference: undefined, issues: [] };
  const { data, error } = builtIn.extend({ collections: collections.optional() }).safeParse(given);
  if (!data) return { reference: undefined, issues: error.issues };
  const { name: kind, collections: among } = data;
  const reference = kind === 'search_knowledge' ? { kind, collections: among } : { kind };
  return { reference: { ...reference, approval: data.approval }, issues: [] };
}

/** Throws ValidationError for built-in and MCP tools whose other properties are invalid. */
export function checkTools(tools: unknown, path: string[]): void {
  const issues = (Array.isArray(tools) ? tools : []).flatMap((tool, index) =>
    read(tool).issues.map(({ message, path: inside }) => ({ path: [...path, String(index), ...inside.map(String)], message })),
  );
  if (issues.length > 0) throw new ValidationError(issues);
}

/** The tools of an agent that a run can call. Skips other objects: they describe tools of another runtime. */
export function toolReferences(tools: unknown): ToolReference[] {
  return Array.isArray(tools) ? tools.flatMap((tool) => read(tool).reference ?? []) : [];
}

/** The permission that a tool takes, whether it is called directly, named by an agent, or called in a run. */
export const permissionOfTool: Record<ToolSource, Permission | undefined> = {
  BUILT_IN: undefined,
  KNOWLEDGE: 'knowledge:read',
  MCP: 'mcp:execute',
  UNKNOWN: undefined,
};

const SOURCES: Record<ToolReference['kind'], ToolSource> = {
  calculator: 'BUILT_IN',
  current_time: 'BUILT_IN',
  search_knowledge: 'KNOWLEDGE',
  mcp: 'MCP',
};

function covers(wide: ToolReference, narrow: ToolReference): boolean {
  if (wide.kind !== 'mcp' || narrow.kind !== 'mcp') return wide.kind === narrow.kind;
  return wide.server === narrow.server && (wide.tool === '*' || wide.tool === narrow.tool);
}

/** Whether a call that required approval before can be made without it. */
function loosensApproval(before: ToolReference[], after: ToolReference[]): boolean {
  return before.some(
    (old) =>
      old.approval &&
      after.some((now) => covers(now, old) || covers(old, now)) &&
      !after.some((now) => now.approval && covers(now, old)),
  );
}

/** The permissions that it takes to give an agent these tools in place of others. Loosening approval approves all later calls. */
export function permissionsToConfigure(tools: unknown, replaced: unknown = []): Permission[] {
  const [before, after] = [toolReferences(replaced), toolReferences(tools)];
  const used = after.flatMap(({ kind }) => permissionOfTool[SOURCES[kind]] ?? []);
  return loosensApproval(before, after) ? [...used, 'agent:approve'] : used;
}
