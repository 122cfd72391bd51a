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
  throw ValidationError.inputPath(['input', 'toolId'], 'Give either `toolId`, or both `serverId` and `name`.');
}

mutation('executeMcpTool', {
  description:
    'Calls a tool of an MCP server and records the call. If the tool fails or exceeds the timeout, `execution` holds the failure. If the ' +
    'call is refused before it is sent, the result is an error.',
  access: 'mcp:execute',
  input: (t) => ({
    toolId: nodeId(t, 'McpTool', { description: 'The tool. Required unless `serverId` and `name` are given.' }),
    serverId: nodeId(t, 'McpServer', { description: 'The server of the tool, in place of `toolId`.' }),
    name: t.string({ description: 'Name of the tool at the server. Required with `serverId`.', validate: textRule(200) }),
    arguments: t.field({
      type: 'JSONObject',
      description: 'Arguments of the tool. Default an empty object.',
      validate: jsonObjectRule,
    }),
    timeoutMs: t.int({
      description: 'Timeout in milliseconds. The limit of the configuration is the maximum and the default.',
      validate: intRule(1, limitBounds.timeoutMs.most),
    }),
  }),
  payload: builder.objectRef<{ outcome: McpToolOutcome }>('ExecuteMcpToolPayload').implement({
    description: 'The outcome of the call.',
    fields: (t) => ({
      output: t.field({
        type: 'JSON',
        nullable: true,
        description: 'Output of the tool: `content` and `structuredContent`, with secrets redacted. At most 1 MiB.',
        resolve: ({ outcome }) => outcome.output,
      }),
      execution: t.field({
        type: McpToolExecution,
        nullable: true,
        description: 'The recorded call.',
        resolve: ({ outcome }, _args, context) => McpToolExecution.load(context, outcome.executionId),
      }),
    }),
  }),
  // Calls and records the tool before the transaction of the mutation, which must not wait for the server.
  prepare: ({ arguments: given, timeoutMs, ...address }, context) =>
    executeMcpTool(context, context.viewer, {
      tool: addressOf(address),
      arguments: given ?? {},
      timeoutMs: timeoutMs ?? undefined,
    }),
  resolve: async (_input, _context, outcome) => ({ outcome }),
});
