import { generateSigningKey } from '../../../../src/platform/auth/keyring.ts';
import { generateSealingKey, serializeSealingKeys } from '../../../../src/platform/encryption/keys.ts';
import { newId } from '../../../../src/platform/lib/ids.ts';
import { post } from '../../../platform/live/raw-clients.ts';
import { type ServerProcess, startServer } from '../../../platform/live/server-process.ts';
import { type TestDatabase, throwawayDatabase } from '../../../testkit/database.ts';
import { type ScriptedModel, startScriptedModel } from '../../../testkit/scripted-model.ts';
import { randomHash, unique } from '../../../testkit/tenants.ts';
import { type CountingTools, startCountingTools, TOOLS } from './counting-tools.ts';

/** A server process with its own database, and the environment of its workers. */
export interface Installation {
  db: TestDatabase;
  server: ServerProcess;
  model: ScriptedModel;
  tools: CountingTools;
  /** Environment of the workers. */
  environment: Record<string, string>;
  close(): Promise<void>;
}

export const MODEL_PROVIDER = 'scripted';

export async function install(extra: Record<string, string> = {}): Promise<Installation> {
  const [db, model, tools] = await Promise.all([throwawayDatabase(), startScriptedModel(), startCountingTools()]);
  const environment = {
    DATABASE_URL: db.urls?.server ?? '',
    AGENTBASE_DATA_DIR: 'memory://',
    AUTH_KEYS: JSON.stringify({ keys: [await generateSigningKey()] }),
    SEALING_KEYS: serializeSealingKeys([generateSealingKey()]),
    API_KEY_PEPPER: 'a pepper for the processes of this test alone',
    RATE_LIMIT_PER_MINUTE: '1000000',
    MODEL_PROVIDERS: JSON.stringify([{ name: MODEL_PROVIDER, kind: 'openai-compatible', baseUrl: model.baseUrl }]),
    MCP_ALLOWED_NETWORKS: '127.0.0.0/8',
    ...extra,
  };
  const server = await startServer(environment);
  return {
    db,
    server,
    model,
    tools,
    environment,
    async close() {
      await server.end('SIGKILL');
      await Promise.all([model.close(), tools.close(), db.close()]);
    },
  };
}

/** A tenant of an installation, used through the API as its owner. */
export interface TestAccount {
  tenantId: string;
  accessToken: string;
  /** The slug of the server of the counting tools. */
  toolServer: string;
  agent(input: Record<string, unknown>): Promise<string>;
  /** Creates a conversation and returns its global id. */
  conversation(agentId: string): Promise<string>;
  /** @returns the UUID of the run */
  send(conversationId: string, content: string): Promise<string>;
}

export async function createAccount({ server, db, tools }: Installation): Promise<TestAccount> {
  const call = async <T>(credential: string | undefined, field: string, input: object, selection: string): Promise<T> => {
    const title = field.charAt(0).toUpperCase() + field.slice(1);
    const result = await post(
      server.url,
      credential,
      `mutation ($input: ${title}Input!) { r: ${field}(input: $input) { ... on ${title}Payload { ${selection} } ... on UserError { message } } }`,
      { input },
    );
    const payload = result.data?.r as Record<string, unknown> | undefined;
    if (!payload || 'message' in payload) throw new Error(`${field}: ${JSON.stringify(result)}`);
    return payload as T;
  };
  const { accessToken } = await call<{ accessToken: string }>(
    undefined,
    'signUp',
    { email: `${unique('owner')}@example.test`, password: 'correct horse battery', tenantName: 'TestAccount' },
    'accessToken',
  );
  const [tenant] = await db.ownerQuery<{ id: string }>("SELECT id FROM tenants WHERE name = 'TestAccount'");
  const tenantId = tenant?.id ?? '';
  const toolServer = await addTools(db, tenantId, tools.url);
  return {
    tenantId,
    accessToken,
    toolServer,
    async agent(input) {
      const fields = { name: 'Agent', provider: MODEL_PROVIDER, model: 'script', ...input };
      return (await call<{ agent: { id: string } }>(accessToken, 'createAgent', fields, 'agent { id }')).agent.id;
    },
    async conversation(agentId) {
      const made = await call<{ conversation: { id: string } }>(
        accessToken,
        'createConversation',
        { agentId },
        'conversation { id }',
      );
      return made.conversation.id;
    },
    async send(conversationId, content) {
      const sent = await call<{ run: { uuid: string } }>(accessToken, 'sendMessage', { conversationId, content }, 'run { uuid }');
      return sent.run.uuid;
    },
  };
}

/** Stores the tools in the state after registration, configuration, discovery and approval. */
async function addTools({ database, prisma }: TestDatabase, tenantId: string, url: string): Promise<string> {
  const [serverId, configId] = [newId(), newId()];
  const slug = unique('tools');
  await database.transactionAs({ tenantId }, async () => {
    await prisma.mcpServer.create({ data: { id: serverId, tenantId, name: 'Tools', slug, transport: 'STREAMABLE_HTTP', url } });
    await prisma.mcpServerConfig.create({ data: { tenantId, id: configId, serverId } });
    for (const { name, annotations } of TOOLS) {
      const hash = randomHash();
      const properties = { key: { type: 'string' }, ms: { type: 'number' } };
      await prisma.mcpTool.create({
        data: {
          tenantId,
          id: newId(),
          configId,
          name,
          description: name,
          annotations,
          inputSchema: { type: 'object', properties, required: ['key', 'ms'] },
          definitionHash: hash,
          approvedHash: hash,
          approvedAt: new Date(),
        },
      });
    }
  });
  return slug;
}
