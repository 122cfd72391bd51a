import { newId } from '../../src/platform/lib/ids.ts';
import { type ChangeArguments, change as changeAt } from './change.ts';
import type { Cluster } from './cluster.ts';
import { messageFor, type Pace } from './token.ts';

export interface Talk {
  credential: string;
  conversationId: string;
}

export interface World {
  /** Who reads meanwhile, in a tenant of its own. */
  reader: { credential: string; queries: Record<string, string> };
  /** Conversations with nothing in them, one for each run: what was said before would be read and sent along. */
  open(): Promise<Talk[]>;
  /** Has a model answer in each of these, all at once. */
  start(talks: Talk[], pace: Pace): Promise<void>;
}

export const QUERIES = {
  flat: '{ agents(first: 20) { nodes { id name provider model status } } }',
  nested: `{ conversations(first: 10) { nodes { id title agent { name model }
    messages(first: 5) { nodes { id role content createdAt } } } } }`,
};

const READERS_CONVERSATIONS = 20;
const READERS_MESSAGES = 8;

/** @param tenants whose the runs are, in equal parts */
export async function makeWorld({ url }: Cluster, tenants: number, runs: number): Promise<World> {
  const change = <T>(...asked: ChangeArguments) => changeAt<T>(url, ...asked);
  const signUp = async () => {
    const input = { email: `${newId()}@example.test`, password: 'correct horse battery', tenantName: 'Bench' };
    return (await change<{ accessToken: string }>(undefined, 'signUp', input, 'accessToken')).accessToken;
  };
  const agent = async (credential: string, name: string) => {
    const input = { name, provider: 'bench', model: 'clock' };
    return (await change<{ agent: { id: string } }>(credential, 'createAgent', input, 'agent { id }')).agent.id;
  };
  const talk = async (credential: string, agentId: string) => {
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
    const { conversationId } = await talk(credential, await agent(credential, `Agent ${number}`));
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
      const talks: Talk[] = [];
      for (const { credential: theirs, id } of agents)
        for (let run = 0; run < runs / tenants; run++) talks.push(await talk(theirs, id));
      return talks;
    },
    reader: { credential, queries: QUERIES },
    async start(some, pace) {
      const content = messageFor(pace);
      await Promise.all(
        some.map(({ credential: mine, conversationId }) =>
          change(mine, 'sendMessage', { conversationId, content }, '__typename'),
        ),
      );
    },
  };
}
