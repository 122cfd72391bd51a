import { newId } from '../../src/platform/lib/ids.ts';
import { type ChangeArguments, change as changeAt } from './change.ts';
import type { Cluster } from './cluster.ts';
import { messageFor, type Pace } from './token.ts';

export interface Conversation {
  credential: string;
  conversationId: string;
}

export interface Fixture {
  /** Credential and queries of the reader, in a separate tenant. */
  reader: { credential: string; queries: Record<string, string> };
  /** Creates empty conversations, one per run. A history would be read and sent to the model. */
  open(): Promise<Conversation[]>;
  /** Starts a run in each conversation, all concurrently. */
  start(conversations: Conversation[], pace: Pace): Promise<void>;
}

export const QUERIES = {
  flat: '{ agents(first: 20) { nodes { id name provider model status } } }',
  nested: `{ conversations(first: 10) { nodes { id title agent { name model }
    messages(first: 5) { nodes { id role content createdAt } } } } }`,
};

const READERS_CONVERSATIONS = 20;
const READERS_MESSAGES = 8;

/** @param tenants number of tenants among which the runs are divided equally */
export async function createFixture({ url }: Cluster, tenants: number, runs: number): Promise<Fixture> {
  const change = <T>(...args: ChangeArguments) => changeAt<T>(url, ...args);
  const signUp = async () => {
    const input = { email: `${newId()}@example.test`, password: 'correct horse battery', tenantName: 'Bench' };
    return (await change<{ accessToken: string }>(undefined, 'signUp', input, 'accessToken')).accessToken;
  };
  const agent = async (credential: string, name: string) => {
    const input = { name, provider: 'bench', model: 'clock' };
    return (await change<{ agent: { id: string } }>(credential, 'createAgent', input, 'agent { id }')).agent.id;
  };
  const createConversation = async (credential: string, agentId: string) => {
    const made = await change<{ conversation: { id: string } }>(
      credential,
      'createConversation',
      { agentId },
      'conversation { id }',
    );
    return { credential, conversationId: made.conversation.id };
  };

  const agents: { credential: string; id: string }[] = [];
  while (agents.length < tenants) {
    const credential = await signUp();
    agents.push({ credential, id: await agent(credential, 'Agent') });
  }
  const credential = await signUp();
  for (let number = 1; number <= READERS_CONVERSATIONS; number++) {
    const { conversationId } = await createConversation(credential, await agent(credential, `Agent ${number}`));
    for (let message = 1; message <= READERS_MESSAGES; message++) {
      await change(
        credential,
        'appendMessage',
        { conversationId, role: 'USER', content: `Message ${message} `.repeat(20) },
        '__typename',
      );
    }
  }
  return {
    async open() {
      const conversations: Conversation[] = [];
      for (const { credential: own, id } of agents)
        for (let run = 0; run < runs / tenants; run++) conversations.push(await createConversation(own, id));
      return conversations;
    },
    reader: { credential, queries: QUERIES },
    async start(conversations, pace) {
      const content = messageFor(pace);
      await Promise.all(
        conversations.map(({ credential: own, conversationId }) =>
          change(own, 'sendMessage', { conversationId, content }, '__typename'),
        ),
      );
    },
  };
}
