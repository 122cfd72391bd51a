import { afterAll, beforeAll } from 'vitest';
import { workOnRuns } from '../../../src/modules/runs/jobs.ts';
import type { RunSettings } from '../../../src/modules/runs/settings.ts';
import type { Embedder } from '../../../src/platform/ai/embedding/embedder.ts';
import type { Viewer } from '../../../src/platform/auth/viewer.ts';
import type { Services } from '../../../src/platform/graphql/context.ts';
import { startJobs } from '../../../src/platform/jobs/jobs.ts';
import { createLogger } from '../../../src/platform/lib/logger.ts';
import { pick, type TestGraph, testGraph } from '../../testkit/graph.ts';
import { addCollection, addText, startWorker, until, untilRead } from '../../testkit/knowledge.ts';
import { jobsPool } from '../../testkit/services.ts';
import { asViewer, createTenant, type TestTenant, unique } from '../../testkit/tenants.ts';
import { type ScriptedModels, scriptedModels } from './scripted-models.ts';

export interface RunWorker {
  close(): Promise<void>;
}

/** A worker that executes runs on the test database, as `npm run worker` does. The caller closes it. */
export async function startRunWorker(
  graph: TestGraph,
  changes: Partial<Services> = {},
  settings: Partial<RunSettings> = {},
): Promise<RunWorker> {
  const pool = jobsPool(graph);
  const log = createLogger('silent');
  const jobs = await startJobs({ pool, embedded: graph.embedded, works: true, log });
  const runs = await workOnRuns({ ...graph.services, jobs, ...changes } as never, { concurrency: 10, settings });
  let closing: Promise<void> | undefined;
  const close = async () => {
    await jobs.close();
    await runs.close();
    if (!graph.embedded) await pool.end();
  };
  return {
    close() {
      closing ??= close();
      return closing;
    },
  };
}

export interface RunState {
  id: string;
  uuid: string;
  status: string;
  output: { text: string } | null;
  errorCode: string | null;
  errorMessage: string | null;
  iterations: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: string;
  cancelRequestedAt: string | null;
  toolCalls: {
    nodes: {
      id: string;
      toolName: string;
      source: string;
      status: string;
      arguments: Record<string, unknown>;
      output: unknown;
      errorMessage: string | null;
      decisionReason: string | null;
    }[];
  };
  llmCalls: { nodes: { status: string; errorCode: string | null; costUsd: string; model: string }[] };
  messages: {
    nodes: {
      id: string;
      role: string;
      content: string;
      model: string | null;
      tokenCount: number | null;
      metadata: Record<string, unknown>;
      toolResults: { toolCallId: string; name: string; output: unknown; error: string | null }[] | null;
    }[];
  };
}

const RUN = `id uuid status output errorCode errorMessage iterations inputTokens outputTokens costUsd cancelRequestedAt
  toolCalls(first: 100) { nodes { id toolName source status arguments output errorMessage decisionReason } }
  llmCalls(first: 100) { nodes { status errorCode costUsd model } }
  messages(first: 100) { nodes { id role content model tokenCount metadata toolResults } }`;

const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

/** A tenant whose agents have scripted models, with helpers for runs. */
export interface RunHarness {
  graph: TestGraph;
  tenant: TestTenant;
  viewer: Viewer;
  models: ScriptedModels;
  /** Services that replace those of the graph: the scripted models. */
  changes: Partial<Services>;
  /** Creates an agent and returns its id and the name of its model. */
  agent(input?: Record<string, unknown>): Promise<{ id: string; model: string }>;
  conversation(agentId: string): Promise<string>;
  send(
    conversationId: string,
    content: string,
    rest?: Record<string, unknown>,
  ): Promise<{ run: string; message: string; repeated: boolean }>;
  run(id: string): Promise<RunState>;
  /** Waits until the run has one of these states. Default: until it has ended. */
  untilRun(id: string, ...statuses: string[]): Promise<RunState>;
  /** Creates a collection with one document and returns its slug. A search for a key of `holds` waits until its promise resolves. */
  knowledge(text: string): Promise<string>;
  holds: Map<string, () => Promise<void>>;
  /** Executes a mutation and returns the type name of its result, and the error if there is one. */
  change(name: string, input: Record<string, unknown>): Promise<{ __typename: string; code?: string; message?: string }>;
}

export async function createRunHarness(): Promise<RunHarness> {
  const graph = await testGraph();
  const tenant = await createTenant(graph, { members: ['MEMBER', 'VIEWER'] });
  const viewer = asViewer(tenant);
  const models = scriptedModels();
  const holds = new Map<string, () => Promise<void>>();
  const { embedder } = graph.services.models;
  const run = async (id: string) =>
    pick<RunState>(await graph.execute(viewer, `query ($id: ID!) { agentRun(id: $id) { ${RUN} } }`, { id }), 'agentRun');
  return {
    graph,
    tenant,
    viewer,
    models,
    changes: { models: { ...graph.services.models, language: models, embedder: (id) => holding(embedder(id), holds) } },
    run,
    holds,
    async knowledge(text) {
      const slug = unique('collection');
      const collection = await addCollection(graph, viewer, { slug });
      const worker = await startWorker(graph);
      await untilRead(graph, viewer, (await addText(graph, viewer, collection, { text })).id);
      await worker.close();
      return slug;
    },
    async agent(input = {}) {
      const model = unique('model');
      const answer = await graph.execute(
        viewer,
        'mutation ($input: CreateAgentInput!) { r: createAgent(input: $input) { ... on CreateAgentPayload { agent { id } } ... on UserError { message } } }',
        { input: { name: 'Agent', provider: 'scripted', model, ...input } },
      );
      return { id: pick(answer, 'r.agent.id'), model };
    },
    async conversation(agentId) {
      const answer = await graph.execute(
        viewer,
        'mutation ($agentId: ID!) { r: createConversation(input: { agentId: $agentId }) { ... on CreateConversationPayload { conversation { id } } ... on UserError { message } } }',
        { agentId },
      );
      return pick(answer, 'r.conversation.id');
    },
    async send(conversationId, content, rest = {}) {
      const answer = await graph.execute(
        viewer,
        `mutation ($input: SendMessageInput!) { r: sendMessage(input: $input) {
          ... on SendMessagePayload { repeated sentMessage { id } run { id } } ... on UserError { message } } }`,
        { input: { conversationId, content, ...rest } },
      );
      return {
        run: pick(answer, 'r.run.id'),
        message: pick(answer, 'r.sentMessage.id'),
        repeated: pick<boolean>(answer, 'r.repeated'),
      };
    },
    untilRun: (id, ...statuses) =>
      until(
        () => run(id),
        ({ status }) => (statuses.length > 0 ? statuses.includes(status) : ENDED.has(status)),
        15_000,
      ),
    async change(name, input) {
      const title = name.charAt(0).toUpperCase() + name.slice(1);
      const answer = await graph.execute(
        viewer,
        `mutation ($input: ${title}Input!) { r: ${name}(input: $input) { __typename ... on UserError { code message } } }`,
        { input },
      );
      return pick(answer, 'r');
    },
  };
}

function holding(embedder: Embedder | undefined, holds: Map<string, () => Promise<void>>): Embedder | undefined {
  return (
    embedder && {
      ...embedder,
      async embed(texts, options) {
        await holds.get(texts[0] ?? '')?.();
        return embedder.embed(texts, options);
      },
    }
  );
}

/** A harness for the tests of a file, with a worker. */
export function useRunHarness(settings: Partial<RunSettings> = {}): RunHarness {
  const harness = {} as RunHarness;
  let worker: RunWorker;
  beforeAll(async () => {
    Object.assign(harness, await createRunHarness());
    worker = await startRunWorker(harness.graph, harness.changes, settings);
  });
  afterAll(() => worker.close());
  return harness;
}
