import type { Prisma } from '../../src/db/prisma.ts';
import { type PopulatedTenant, randomHash, type TestTenant, unique } from './tenants.ts';

/** What a populated tenant has besides its people. */
type Ids = Omit<PopulatedTenant, keyof TestTenant>;

export async function fillKnowledge(prisma: Prisma, tenantId: string, userId: string, ids: Ids): Promise<void> {
  const { collectionId, documentId } = ids;
  const contentHash = randomHash();
  await prisma.collection.create({
    data: {
      tenantId,
      id: collectionId,
      name: 'Collection',
      slug: unique('collection'),
      embeddingModel: 'local-lexical',
      embeddingDimensions: 1536,
      createdById: userId,
    },
  });
  await prisma.document.create({
    data: {
      tenantId,
      id: documentId,
      collectionId,
      title: 'Document',
      mediaType: 'text/plain',
      sizeBytes: 11,
      contentHash,
      storageKey: `${tenantId}/${collectionId}/${contentHash}`,
      uploadedById: userId,
    },
  });
  const vector = `[1${',0'.repeat(1535)}]`;
  await prisma.$executeRaw`INSERT INTO chunks (tenant_id, id, collection_id, document_id, position, content, token_count, embedding_model, embedding)
    VALUES (${tenantId}::uuid, ${ids.chunkId}::uuid, ${collectionId}::uuid, ${documentId}::uuid, 0, 'Hello there', 2, 'local-lexical', ${vector}::vector)`;
  await prisma.ragQuery.create({
    data: {
      tenantId,
      id: ids.ragQueryId,
      userId,
      query: 'Hello?',
      strategy: 'HYBRID',
      mode: 'EXACT',
      collectionIds: [collectionId],
      requested: 10,
      returned: 0,
      responseMs: 1,
    },
  });
  const questions = [{ query: 'Hello?', expectedDocumentIds: [documentId] }];
  await prisma.evaluation.create({
    data: {
      tenantId,
      id: ids.evaluationId,
      name: 'Evaluation',
      strategy: 'HYBRID',
      collectionIds: [collectionId],
      topK: 10,
      questions,
      questionCount: 1,
      createdById: userId,
    },
  });
  await prisma.evaluationRun.create({
    data: {
      tenantId,
      id: ids.evaluationRunId,
      evaluationId: ids.evaluationId,
      position: 0,
      query: 'Hello?',
      latencyMs: 1,
      userId,
    },
  });
}

export async function fillMcp(prisma: Prisma, tenantId: string, userId: string, ids: Ids): Promise<void> {
  const configId = ids.mcpServerConfigId;
  await prisma.mcpServer.create({
    data: {
      id: ids.mcpServerId,
      tenantId,
      name: 'Server',
      slug: unique('server'),
      transport: 'STREAMABLE_HTTP',
      url: 'https://mcp.example.test/mcp',
      createdById: userId,
    },
  });
  await prisma.mcpServerConfig.create({ data: { tenantId, id: configId, serverId: ids.mcpServerId, createdById: userId } });
  const hash = randomHash();
  await prisma.mcpTool.create({
    data: {
      tenantId,
      id: ids.mcpToolId,
      configId,
      name: 'echo',
      definitionHash: hash,
      approvedHash: hash,
      approvedAt: new Date(),
      approvedById: userId,
    },
  });
  await prisma.mcpResource.create({ data: { tenantId, id: ids.mcpResourceId, configId, uri: 'memo://1', name: 'Memo' } });
  await prisma.mcpToolExecution.create({
    data: { tenantId, id: ids.mcpToolExecutionId, configId, agentId: ids.agentId, userId, toolName: 'echo', status: 'SUCCESS' },
  });
}

export async function fillRuns(prisma: Prisma, tenantId: string, userId: string, ids: Ids): Promise<void> {
  const { agentId, conversationId, agentRunId: runId } = ids;
  await prisma.agentRun.create({
    // Of no conversation, for it would be one of its events.
    data: { tenantId, id: runId, agentId, messageId: ids.messageIds[0], userId },
  });
  await prisma.llmCall.create({
    data: { tenantId, id: ids.llmCallId, runId, conversationId, agentId, provider: 'local', model: 'echo', status: 'SUCCESS' },
  });
  await prisma.toolCall.create({
    data: {
      tenantId,
      id: ids.toolCallId,
      runId,
      iteration: 1,
      position: 0,
      callId: 'call_1',
      toolName: 'echo',
      source: 'MCP',
      mcpToolId: ids.mcpToolId,
    },
  });
  await prisma.messageDraft.create({ data: { tenantId, id: ids.messageDraftId, conversationId, runId, content: 'Good' } });
}
