import { beforeAll, expect, test } from 'vitest';
import type { Viewer } from '../../src/auth/viewer.ts';
import { encodeGlobalId } from '../../src/graphql/global-id.ts';
import { open } from '../live/open-subscription.ts';
import { at, type Graph, testGraph } from '../testkit/graph.ts';
import { asViewer, createTenant, type PopulatedTenant } from '../testkit/tenants.ts';

let graph: Graph;
let mine: PopulatedTenant;
let theirs: PopulatedTenant;
let viewer: Viewer;

beforeAll(async () => {
  graph = await testGraph();
  [mine, theirs] = [await createTenant(graph), await createTenant(graph)];
  viewer = asViewer(mine);
});

test('runs, calls of models and of tools are found in their own tenant alone', async () => {
  const ids = ({ agentRunId, llmCallId, toolCallId }: PopulatedTenant) => [
    encodeGlobalId('AgentRun', agentRunId),
    encodeGlobalId('LlmCall', llmCallId),
    encodeGlobalId('ToolCall', toolCallId),
  ];
  const source = `query ($ids: [ID!]!, $run: ID!, $call: ID!) { nodes(ids: $ids) { __typename id } agentRun(id: $run) { id } toolCall(id: $call) { id } }`;
  const look = (tenant: PopulatedTenant) =>
    graph.execute(viewer, source, { ids: ids(tenant), run: tenant.agentRunId, call: tenant.toolCallId });
  expect((await look(theirs)).data).toEqual({ nodes: [null, null, null], agentRun: null, toolCall: null });
  expect(at(await look(mine), 'nodes')).toMatchObject([
    { __typename: 'AgentRun' },
    { __typename: 'LlmCall' },
    { __typename: 'ToolCall' },
  ]);
});

test('lists and totals tell of nobody else, and take one statement a level', async () => {
  const sent: string[] = [];
  for (const tenant of [mine, theirs]) {
    const answer = await graph.execute(
      asViewer(tenant),
      'mutation ($id: ID!) { r: sendMessage(input: { conversationId: $id, content: "Hello" }) { ... on SendMessagePayload { run { uuid } } } }',
      { id: tenant.conversationId },
    );
    sent.push(at(answer, 'r.run.uuid'));
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
          uuid: mine.agentRunId,
          agent: ofAgent,
          conversation: null,
          toolCalls: { nodes: [{ uuid: mine.toolCallId }] },
          llmCalls: { nodes: [{ uuid: mine.llmCallId }] },
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
    toolCalls: { nodes: [{ uuid: mine.toolCallId }] },
  });
  // Runs and their number, agents and conversations, and what each of these is asked for.
  expect(answer.statements).toHaveLength(12);
  const filtered = await graph.execute(
    viewer,
    `query ($agent: ID!, $talk: ID!) { agentRuns(filter: { agentId: $agent }) { nodes { uuid } }
      ofTalk: agentRuns(filter: { conversationId: $talk, status: [QUEUED] }) { nodes { uuid } } }`,
    { agent: theirs.agentId, talk: mine.conversationId },
  );
  expect(filtered.data).toEqual({ agentRuns: { nodes: [] }, ofTalk: { nodes: [{ uuid: sent[0] }] } });
});

test("nobody follows another tenant's run", async () => {
  const source = 'subscription ($id: ID!) { agentRunUpdated(runId: $id) { status } }';
  await expect(open(graph, graph.services.live, viewer, source, { id: theirs.agentRunId })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  const blind = { ...viewer, permissions: new Set(['agent:read' as const]) };
  await expect(open(graph, graph.services.live, blind, source, { id: mine.agentRunId })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});
