import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { createAgent } from '../modules/agents/agent.ts';
import { publishAgentVersion } from '../modules/agents/agent-version.ts';
import { appendMessage } from '../modules/conversations/append-message.ts';
import { createConversation } from '../modules/conversations/conversation.ts';
import { recordToolExecution } from '../modules/conversations/record-tool-execution.ts';
import { createCollection } from '../modules/knowledge/collection.ts';
import { addDocument } from '../modules/knowledge/documents/documents.ts';
import { receiveDocument } from '../modules/knowledge/documents/receive-document.ts';
import { createApiKey } from '../modules/tenancy/api-keys/manage-api-keys.ts';
import { prepareSignUp, signUp } from '../modules/tenancy/sessions/sign-up.ts';
import { sessionContextOf, type Viewer } from '../platform/auth/viewer.ts';
import { encodeGlobalId } from '../platform/graphql/kit/global-id.ts';
import type { Services } from '../platform/module/services.ts';
import { runWithContext } from '../platform/postgres/request-scope.ts';
import type { DemoAccess } from './data-folder.ts';

const REQUEST = { requestId: 'seed', ip: undefined, userAgent: 'agentbase seed' };

const HANDBOOK = `## Orders

An order that has not been shipped can be cancelled free of charge. After that, it can be sent back within thirty days.

## Refunds

Refunds are paid within five working days to the account the order was paid from. Refunds above 500 dollars are approved by a manager.

## Support

Support answers within one working day. Urgent requests are marked as such and answered within two hours.
`;

async function seedTenant(services: Services, tenant: string, email: string) {
  const { database, auth } = services;
  const password = randomBytes(12).toString('base64url');
  const session = await runWithContext(sessionContextOf(null, REQUEST), async () => {
    const prepared = await prepareSignUp(services, { email, password });
    return database.transaction(() =>
      signUp(services, { email, password, firstName: 'Demo', tenant: { name: tenant } }, prepared),
    );
  });
  const viewer = await auth.verify(session.accessToken);
  await runWithContext(sessionContextOf(viewer, REQUEST), () => seedKnowledge(services, viewer, tenant));
  return runWithContext(sessionContextOf(viewer, REQUEST), () =>
    database.transaction(async () => {
      const agent = await createAgent(
        { ...services, viewer },
        {
          name: 'Support',
          description: 'Answers questions about orders.',
          provider: 'openai',
          model: 'gpt-5',
          systemPrompt: 'You help customers with their orders. Be brief and kind.',
          tools: [{ name: 'find_order', description: 'Finds an order by its number.' }],
          tags: ['demo'],
        },
      );
      await publishAgentVersion({ ...services, viewer }, agent.id, 'The first version.');
      const conversation = await createConversation({ ...services, viewer }, { agentId: agent.id, title: 'Where is my order?' });
      const say = (role: 'USER' | 'ASSISTANT', content: string, rest: object = {}) =>
        appendMessage(services, viewer, {
          conversationId: conversation.id,
          role,
          content,
          tokenCount: BigInt(Math.ceil(content.length / 4)),
          ...rest,
        });
      await say('USER', 'Hello! Where is my order 4711?');
      const asking = await say('ASSISTANT', '', {
        toolCalls: [{ id: 'call_1', name: 'find_order', arguments: { number: '4711' } }],
        model: 'gpt-5',
        latencyMs: 640,
      });
      await recordToolExecution(services, viewer, {
        messageId: asking.message.id,
        agentId: agent.id,
        toolName: 'find_order',
        input: { number: '4711' },
        output: { state: 'shipped', arrives: 'tomorrow' },
        status: 'SUCCESS',
        durationMs: 85,
      });
      await say('ASSISTANT', 'It was shipped and should arrive tomorrow.', {
        model: 'gpt-5',
        latencyMs: 820,
        parentMessageId: asking.message.id,
      });
      await say('USER', 'Wonderful, thank you!');
      const { secret } = await createApiKey(services, viewer, {
        name: 'Demo runtime',
        scopes: [
          'tenant:read',
          'agents:read',
          'agents:execute',
          'conversations:read',
          'conversations:write',
          'knowledge:read',
          'knowledge:write',
          'mcp:read',
          'mcp:execute',
        ],
      });
      return { access: { tenant, email, password, apiKey: secret }, conversationId: conversation.id };
    }),
  );
}

/** Creates a collection with one document, which the worker indexes. */
async function seedKnowledge(services: Services, viewer: Viewer, tenant: string): Promise<void> {
  const { database } = services;
  const collection = await database.transaction(() =>
    createCollection({ ...services, viewer }, { name: 'Handbook', description: 'How things are done.' }),
  );
  const text = `# ${tenant} handbook\n\n${HANDBOOK}`;
  const received = await receiveDocument(services, {
    collectionId: collection.id,
    mediaType: 'text/markdown',
    title: `${tenant} handbook`,
    source: Readable.from([Buffer.from(text)]),
    path: [],
  });
  await database.transaction(() => addDocument(services, viewer, received));
}

/** Creates two independent tenants, each with an owner, an agent, a conversation, a handbook and an API key. */
export async function seedDemo(services: Services): Promise<DemoAccess> {
  const acme = await seedTenant(services, 'Acme', 'owner@acme.test');
  const globex = await seedTenant(services, 'Globex', 'owner@globex.test');
  return { tenants: [acme.access, globex.access], conversationId: encodeGlobalId('Conversation', acme.conversationId) };
}
