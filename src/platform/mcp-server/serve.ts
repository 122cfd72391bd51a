import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Catalog } from './catalog.ts';
import { can, type McpCaller, type McpContext, type McpServerServices } from './context.ts';
import { INVALID_PARAMS, ProtocolError, protocolError, toolFailure } from './errors.ts';
import { type McpServerLimits, requireSize, withTimeout } from './limits.ts';
import { completeArgument, getPrompt, listPrompts } from './serve-prompts.ts';
import { listResources, readResource } from './serve-resources.ts';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

// Shared, because the SDK would create one for each request.
const jsonSchemaValidator = new AjvJsonSchemaValidator();

function contextOf(services: McpServerServices, caller: McpCaller, { callMs }: McpServerLimits, extra: Extra): McpContext {
  const progressToken = extra._meta?.progressToken;
  return {
    ...services,
    ...caller,
    signal: AbortSignal.any([extra.signal, AbortSignal.timeout(callMs)]),
    async progress(progress, total) {
      if (progressToken === undefined) return;
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress, ...(total === undefined ? {} : { total }) },
      });
    },
  };
}

/**
 * Creates the MCP server for one request. It has no state between requests, so any process can serve any request. Features that need a
 * session are not supported: log levels, resource subscriptions, and requests to the client.
 */
export function createMcpServer(
  catalog: Catalog,
  services: McpServerServices,
  caller: McpCaller,
  limits: McpServerLimits,
): Server {
  const { tools, resources, prompts, instructions } = catalog;
  const completes = prompts.some((prompt) => prompt.arguments.some(({ complete }) => complete));
  const server = new Server(
    { name: 'agentbase', title: 'Agentbase', version: packageJson.version },
    {
      instructions: ['Agentbase serves the data of one tenant.', ...instructions].join(' '),
      jsonSchemaValidator,
      capabilities: { tools: {}, resources: {}, prompts: {}, ...(completes ? { completions: {} } : {}) },
    },
  );
  const answer = async <T>(during: string, extra: Extra, work: (context: McpContext) => Promise<T>): Promise<T> => {
    const context = contextOf(services, caller, limits, extra);
    try {
      return requireSize(limits, await withTimeout(context.signal, () => work(context)));
    } catch (error) {
      throw protocolError(error, services.log, caller, during);
    }
  };

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.filter(({ access }) => can(caller, access)).map(({ listed }) => listed),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (!tool) throw new ProtocolError(INVALID_PARAMS, `Unknown tool: ${params.name}.`);
    const context = contextOf(services, caller, limits, extra);
    try {
      return requireSize(limits, await withTimeout(context.signal, () => tool.call(context, params.arguments)));
    } catch (error) {
      return toolFailure(error, services.log, caller, tool.name);
    }
  });

  server.setRequestHandler(ListResourcesRequestSchema, ({ params }, extra) =>
    answer('resources/list', extra, (context) => listResources(resources, context, params?.cursor)),
  );
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: resources.flatMap(({ template, access }) => (template && can(caller, access) ? [template] : [])),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }, extra) =>
    answer(`resources/read ${params.uri}`, extra, (context) => readResource(resources, context, params.uri)),
  );

  server.setRequestHandler(ListPromptsRequestSchema, (_request, extra) =>
    answer('prompts/list', extra, async (context) => ({ prompts: listPrompts(prompts, context) })),
  );
  server.setRequestHandler(GetPromptRequestSchema, ({ params }, extra) =>
    answer(`prompts/get ${params.name}`, extra, (context) => getPrompt(prompts, context, params.name, params.arguments ?? {})),
  );
  if (completes) {
    server.setRequestHandler(CompleteRequestSchema, ({ params: { ref, argument } }, extra) =>
      answer('completion/complete', extra, async (context) =>
        ref.type === 'ref/prompt'
          ? completeArgument(prompts, context, ref.name, argument)
          : { completion: { values: [], hasMore: false } },
      ),
    );
  }
  return server;
}
