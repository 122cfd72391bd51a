import { beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import { encodeGlobalId } from '../../../src/platform/graphql/kit/global-id.ts';
import { open } from '../../platform/live/open-subscription.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { asViewer, createTenant, type TestTenant } from '../../testkit/tenants.ts';

let graph: TestGraph;
let mine: TestTenant;
let theirs: TestTenant;
let viewer: Viewer;

beforeAll(async () => {
  graph = await testGraph();
  [mine, theirs] = [
    await createTenant(graph, { rows: ['agent_runs', 'tool_calls', 'conversations', 'llm_calls', 'agents'] }),
    await createTenant(graph, { rows: ['agent_runs', 'tool_calls', 'conversations', 'llm_calls', 'agents'] }),
  ];
  viewer = asViewer(mine);
});

test('returns null for runs, model calls and tool calls of another tenant', async () => {
  const ids = ({ idOf }: TestTenant) => [
    encodeGlobalId('AgentRun', idOf('agent_runs')),
    encodeGlobalId('LlmCall', idOf('llm_calls')),
    encodeGlobalId('ToolCall', idOf('tool_calls')),
  ];
  const source = `query ($ids: [ID!]!, $run: ID!, $call: ID!) { nodes(ids: $ids) { __typename id } agentRun(id: $run) { id } toolCall(id: $call) { id } }`;
  const read = (tenant: TestTenant) =>
    graph.execute(viewer, source, { ids: ids(tenant), run: tenant.idOf('agent_runs'), call: tenant.idOf('tool_calls') });
  expect((await read(theirs)).data).toEqual({ nodes: [null, null, null], agentRun: null, toolCall: null });
  expect(pick(await read(mine), 'nodes')).toMatchObject([
    { __typename: 'AgentRun' },
    { __typename: 'LlmCall' },
    { __typename: 'ToolCall' },
  ]);
});

test('lists and counts only rows of the tenant, with one statement per level', async () => {
  const sent: string[] = [];
  for (const tenant of [mine, theirs]) {
    const answer = await graph.execute(
      asViewer(tenant),
      'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Hello" }) { ... on SendMessagePayload { run { uuid } } } }',
      { id: tenant.idOf('conversations') },
    );
    sent.push(pick(answer, 'r.run.uuid'));
  }
  const answer = await graph.execute(
    viewer,
    `{ agentRuns(orderBy: CREATED_AT_ASC) { totalCount nodes { uuid agent { usage { runs } runs { totalCount } } conversation { runs { nodes { uuid } } }
      toolCalls { nodes { uuid } } llmCalls { nodes { uuid } } messages { nodes { uuid } } } } toolCalls { nodes { uuid } } }`,
  );
  expect(answer.messages).toEqual([]);
  const ofAgent = { usage: { runs: 2 }, runs: { totalCount: 2 } };
  expect(answer.data).toEqual({
    agentRuns: {
      totalCount: 2,
      nodes: [
        {
          uuid: mine.idOf('agent_runs'),
          agent: ofAgent,
          conversation: null,
          toolCalls: { nodes: [{ uuid: mine.idOf('tool_calls') }] },
          llmCalls: { nodes: [{ uuid: mine.idOf('llm_calls') }] },
          messages: { nodes: [] },
        },
        {
          uuid: sent[0],
          agent: ofAgent,
          conversation: { runs: { nodes: [{ uuid: sent[0] }] } },
          toolCalls: { nodes: [] },
          llmCalls: { nodes: [] },
          messages: { nodes: [] },
        },
      ],
    },
    toolCalls: { nodes: [{ uuid: mine.idOf('tool_calls') }] },
  });
  // Runs and their count, agents, conversations, and the nested fields of each.
  expect(answer.statements).toHaveLength(12);
  const filtered = await graph.execute(
    viewer,
    `query ($agent: ID!, $talk: ID!) { agentRuns(filter: { agentId: $agent }) { nodes { uuid } }
      ofTalk: agentRuns(filter: { conversationId: $talk, status: [QUEUED] }) { nodes { uuid } } }`,
    { agent: theirs.idOf('agents'), talk: mine.idOf('conversations') },
  );
  expect(filtered.data).toEqual({ agentRuns: { nodes: [] }, ofTalk: { nodes: [{ uuid: sent[0] }] } });
});

test("rejects a subscription to another tenant's run, and one without permission", async () => {
  const source = 'subscription ($id: ID!) { agentRunUpdated(runId: $id) { status } }';
  await expect(open(graph, graph.services.live, viewer, source, { id: theirs.idOf('agent_runs') })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const withoutPermission = { ...viewer, permissions: new Set(['agent:read' as const]) };
  await expect(
    open(graph, graph.services.live, withoutPermission, source, { id: mine.idOf('agent_runs') }),
  ).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});
