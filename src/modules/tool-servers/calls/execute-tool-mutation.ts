import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { intRule, jsonObjectRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import { McpToolExecution } from '../mcp-tool-execution.ts';
import { limitBounds } from '../servers/limits.ts';
import type { McpToolOutcome } from './call-tool.ts';
import { executeMcpTool, type ToolAddress } from './execute-tool.ts';

interface GivenAddress {
  toolId?: string | null | undefined;
  serverId?: string | null | undefined;
  name?: string | null | undefined;
}

function addressOf({ toolId, serverId, name }: GivenAddress): ToolAddress {
  if (toolId != null && serverId == null && name == null) return { toolId };
  if (toolId == null && serverId != null && name != null) return { serverId, name };
  throw ValidationError.inputPath(['input', 'toolId'], 'Give either `toolId`, or `serverId` and `name`.');
}

mutation('executeMcpTool', {
  description:
    'Calls a tool of an MCP server, and keeps the call whatever comes of it. A tool that fails or does not answer in time is told in ' +
    '`execution`; what keeps the call from being made is an error.',
  access: 'mcp:execute',
  input: (t) => ({
    toolId: nodeId(t, 'McpTool', { description: 'The tool.' }),
    serverId: nodeId(t, 'McpServer', { description: 'The server, in the place of `toolId`.' }),
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
        resolve: ({ outcome }, _args, context) => McpToolExecution.load(context, outcome.executionId),
      }),
    }),
  }),
  // The call is made and kept before the mutation's own transaction, which has nothing left to do.
  prepare: ({ arguments: given, timeoutMs, ...address }, context) =>
    executeMcpTool(context, context.viewer, {
      tool: addressOf(address),
      arguments: given ?? {},
      timeoutMs: timeoutMs ?? undefined,
    }),
  resolve: async (_input, _context, outcome) => ({ outcome }),
});
