import { z } from 'zod';
import { AgentStatus } from '../../../generated/prisma/enums.ts';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { nextCursorOf, pageInput, pageOutput } from '../../../platform/mcp-server/paging.ts';
import { Agent } from '../agent.ts';

export const listAgentsTool = defineTool({
  name: 'list_agents',
  title: 'List agents',
  description: 'Lists the agents of the tenant by name, with the ids that create_conversation takes.',
  access: 'agent:read',
  writes: false,
  input: {
    search: z.string().trim().min(1).max(200).optional().describe('Only agents whose name or slug contains this text.'),
    status: z.enum(AgentStatus).optional().describe('Only agents in this state. ACTIVE agents accept conversations.'),
    ...pageInput,
  },
  output: {
    agents: z.array(
      z.object({
        id: z.uuid(),
        name: z.string(),
        slug: z.string(),
        description: z.string().nullable(),
        kind: z.string(),
        status: z.enum(AgentStatus),
        provider: z.string(),
        model: z.string(),
      }),
    ),
    ...pageOutput,
  },
  async run({ database }, { search, status, limit, cursor }) {
    const filter = { search, status: status && [status] };
    const page = await Agent.page(database, filter, { first: limit, after: cursor }, 'name');
    return { agents: [...page.nodes], nextCursor: nextCursorOf(page) };
  },
});
