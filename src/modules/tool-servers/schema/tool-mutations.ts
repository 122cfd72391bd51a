import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { intRule, jsonObjectRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { requireViewer } from '../../../platform/graphql/viewer.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import type { McpToolOutcome } from '../calls/call-tool.ts';
import { executeMcpTool, type ToolAddress } from '../calls/execute-tool.ts';
import { approveMcpTool, updateMcpTool } from '../discovery/approve-tool.ts';
import { limitBounds } from '../servers/limits.ts';
import { loadMcpToolExecution, McpToolExecution } from './execution.ts';
import { hashRule } from './rules.ts';
import { McpTool } from './tool.ts';

function payload(name: string) {
  return builder.objectRef<{ tool: typeof McpTool.$inferType }>(name).implement({
    description: 'The tool after the change.',
    fields: (t) => ({ tool: t.field({ type: McpTool, description: 'The tool.', resolve: ({ tool }) => tool }) }),
  });
}

mutation('approveMcpTool', {
  description:
    'Lets a tool be called as it is now. Once its definition is another one, it is not called until it is approved again.',
  access: 'mcp:configure',
  input: (t) => ({
    id: t.id({ required: true, description: 'The tool.' }),
    definitionHash: t.string({
      required: true,
      description: 'The `definitionHash` of what you looked at: nothing is approved that came in between.',
      validate: hashRule,
    }),
  }),
  payload: payload('ApproveMcpToolPayload'),
  resolve: async ({ id, definitionHash }, context) => ({
    tool: await approveMcpTool(context, requireViewer(context), parseId('McpTool', id, ['input', 'id']), definitionHash),
  }),
});

mutation('updateMcpTool', {
  description: 'Changes what the tenant decides about a tool. What is not given stays as it is.',
  access: 'mcp:configure',
  input: (t) => ({
    id: t.id({ required: true, description: 'The tool.' }),
    enabled: t.boolean({ description: 'Whether it may be called.' }),
    requiresApproval: t.boolean({
      description: 'Whether a person has to approve each call of an agent. Programs with an API key cannot call it then.',
    }),
  }),
  payload: payload('UpdateMcpToolPayload'),
  resolve: async ({ id, enabled, requiresApproval }, context) => ({
    tool: await updateMcpTool(context, parseId('McpTool', id, ['input', 'id']), {
      enabled: enabled ?? undefined,
      requiresApproval: requiresApproval ?? undefined,
    }),
  }),
});

function addressOf(given: {
  toolId?: string | number | null | undefined;
  serverId?: string | number | null | undefined;
  name?: string | null | undefined;
}): ToolAddress {
  const { toolId, serverId, name } = given;
  if (toolId != null && serverId == null && name == null)
    return { toolId: parseId('McpTool', String(toolId), ['input', 'toolId']) };
  if (toolId == null && serverId != null && name != null) {
    return { serverId: parseId('McpServer', String(serverId), ['input', 'serverId']), name };
  }
  throw ValidationError.inputPath(['input', 'toolId'], 'Give either `toolId`, or `serverId` and `name`.');
}

mutation('executeMcpTool', {
  description:
    'Calls a tool of an MCP server, and keeps the call whatever comes of it. A tool that fails or does not answer in time is told in ' +
    '`execution`; what keeps the call from being made is an error.',
  access: 'mcp:execute',
  input: (t) => ({
    toolId: t.id({ description: 'The tool.' }),
    serverId: t.id({ description: 'The server, in the place of `toolId`.' }),
    name: t.string({ description: "The tool's name at the server.", validate: textRule(200) }),
    arguments: t.field({
      type: 'JSONObject',
      description: 'What the tool is given. Nothing when absent.',
      validate: jsonObjectRule,
    }),
    timeoutMs: t.int({
      description: "How long it may take, in milliseconds. At most the configuration's limit, which it is when nothing is said.",
      validate: intRule(1, limitBounds.timeoutMs.most),
    }),
  }),
  payload: builder.objectRef<{ outcome: McpToolOutcome }>('ExecuteMcpToolPayload').implement({
    description: 'What came of the call.',
    fields: (t) => ({
      output: t.field({
        type: 'JSON',
        nullable: true,
        description: 'What the tool answered, `content` and `structuredContent`, without secrets. At most 1 MiB.',
        resolve: ({ outcome }) => outcome.output,
      }),
      execution: t.field({
        type: McpToolExecution,
        nullable: true,
        description: 'The call as it was kept.',
        resolve: ({ outcome }, _args, context) => loadMcpToolExecution(context, outcome.executionId),
      }),
    }),
  }),
  // The call is made and kept before the mutation's own transaction, which has nothing left to do.
  prepare: ({ arguments: given, timeoutMs, ...address }, context) =>
    executeMcpTool(context, requireViewer(context), {
      tool: addressOf(address),
      arguments: given ?? {},
      timeoutMs: timeoutMs ?? undefined,
    }),
  resolve: async (_input, _context, outcome) => ({ outcome }),
});
