import SchemaBuilder from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import { GraphQLError } from 'graphql';
import { BigIntResolver, DateTimeResolver, NonNegativeIntResolver } from 'graphql-scalars';
import type PrismaTypes from '../../../src/generated/pothos.ts';
import { getDatamodel } from '../../../src/generated/pothos.ts';
import type { Prisma } from '../../../src/generated/prisma/client.ts';
import { newId } from '../../../src/platform/lib/ids.ts';
import type { Caller } from './credentials.ts';

export interface StockPothosContext {
  caller: Caller;
  /** The transaction of the operation. */
  tx: Prisma.TransactionClient;
}

const builder = new SchemaBuilder<{
  PrismaTypes: PrismaTypes;
  Context: StockPothosContext;
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    BigInt: { Input: bigint; Output: bigint };
    NonNegativeInt: { Input: number; Output: number };
    ID: { Input: string; Output: string };
  };
  DefaultFieldNullability: false;
}>({
  plugins: [PrismaPlugin, RelayPlugin],
  relay: { nodesOnConnection: true },
  prisma: { client: ({ tx }: StockPothosContext) => tx, dmmf: getDatamodel() },
  defaultFieldNullability: false,
  // The global types of the plugins of Agentbase require options that this builder does not have.
} as never);

builder.addScalarType('DateTime', DateTimeResolver);
builder.addScalarType('BigInt', BigIntResolver);
builder.addScalarType('NonNegativeInt', NonNegativeIntResolver);
builder.queryType();
builder.mutationType();

const NEWEST = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];
const CURSOR = 'tenantId_id' as const;

builder.prismaObject('User', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    email: t.exposeString('email'),
    firstName: t.exposeString('firstName', { nullable: true }),
    lastName: t.exposeString('lastName', { nullable: true }),
  }),
});

builder.prismaObject('Tenant', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    planCode: t.exposeString('planCode'),
    status: t.exposeString('status'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

builder.prismaObject('Membership', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    role: t.exposeString('role'),
    status: t.exposeString('status'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    user: t.relation('user'),
  }),
});

builder.prismaObject('ToolExecution', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    toolName: t.exposeString('toolName'),
    status: t.exposeString('status'),
    durationMs: t.exposeInt('durationMs', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

builder.prismaObject('AuditLog', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    actor: t.exposeString('actor'),
    action: t.exposeString('action'),
    resourceType: t.exposeString('resourceType'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

builder.prismaObject('Agent', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    kind: t.exposeString('kind'),
    provider: t.exposeString('provider'),
    model: t.exposeString('model'),
    status: t.exposeString('status'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    conversations: t.relatedConnection('conversations', { cursor: CURSOR, query: { orderBy: NEWEST } }),
  }),
});

const Message = builder.prismaObject('Message', {
  fields: (t) => ({
    uuid: t.exposeString('id'),
    sequence: t.exposeInt('sequence'),
    role: t.exposeString('role'),
    content: t.exposeString('content'),
    model: t.exposeString('model', { nullable: true }),
    tokenCount: t.expose('tokenCount', { type: 'BigInt', nullable: true }),
    latencyMs: t.exposeInt('latencyMs', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    toolExecutions: t.relatedConnection('toolExecutions', { cursor: CURSOR, query: { orderBy: { id: 'desc' } } }),
  }),
});

const Conversation = builder.prismaNode('Conversation', {
  id: { resolve: ({ id }) => id },
  findUnique: (id, { caller }) => ({ tenantId_id: { tenantId: caller.tenantId, id } }),
  fields: (t) => ({
    uuid: t.exposeString('id'),
    title: t.exposeString('title', { nullable: true }),
    status: t.exposeString('status'),
    messageCount: t.exposeInt('messageCount'),
    totalTokens: t.expose('totalTokens', { type: 'BigInt' }),
    costUsd: t.string({ resolve: ({ costUsd }) => costUsd.toString() }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastMessageAt: t.expose('lastMessageAt', { type: 'DateTime', nullable: true }),
    agent: t.relation('agent'),
    messages: t.relatedConnection('messages', { cursor: CURSOR, query: { orderBy: { sequence: 'desc' } } }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.prismaField({
    type: 'Membership',
    resolve: (query, _root, _args, { tx, caller: { tenantId, userId } }) =>
      tx.membership.findUniqueOrThrow({ ...query, where: { tenantId_userId: { tenantId, userId } } }),
  }),
  tenant: t.prismaField({
    type: 'Tenant',
    resolve: (query, _root, _args, { tx, caller }) => tx.tenant.findUniqueOrThrow({ ...query, where: { id: caller.tenantId } }),
  }),
  conversation: t.prismaField({
    type: Conversation,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (query, _root, { id }, { tx, caller: { tenantId } }) =>
      tx.conversation.findUnique({ ...query, where: { tenantId_id: { tenantId, id } } }),
  }),
  conversations: t.prismaConnection({
    type: Conversation,
    cursor: CURSOR,
    totalCount: (_root, _args, { tx }) => tx.conversation.count(),
    resolve: (query, _root, _args, { tx }) => tx.conversation.findMany({ ...query, orderBy: NEWEST }),
  }),
  agents: t.prismaConnection({
    type: 'Agent',
    cursor: CURSOR,
    totalCount: (_root, _args, { tx }) => tx.agent.count(),
    resolve: (query, _root, _args, { tx }) => tx.agent.findMany({ ...query, orderBy: NEWEST }),
  }),
  members: t.prismaConnection({
    type: 'Membership',
    cursor: CURSOR,
    totalCount: (_root, _args, { tx }) => tx.membership.count(),
    resolve: (query, _root, _args, { tx }) =>
      tx.membership.findMany({ ...query, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
  }),
  toolExecutions: t.prismaConnection({
    type: 'ToolExecution',
    cursor: CURSOR,
    resolve: (query, _root, _args, { tx }) => tx.toolExecution.findMany({ ...query, orderBy: { id: 'desc' } }),
  }),
  auditLogs: t.prismaConnection({
    type: 'AuditLog',
    cursor: CURSOR,
    resolve: (query, _root, _args, { tx }) => tx.auditLog.findMany({ ...query, orderBy: { id: 'desc' } }),
  }),
}));

const AppendMessageInput = builder.inputType('AppendMessageInput', {
  fields: (t) => ({
    conversationId: t.id({ required: true }),
    role: t.field({
      type: builder.enumType('MessageRole', { values: ['USER', 'ASSISTANT', 'SYSTEM', 'TOOL'] as const }),
      required: true,
    }),
    content: t.string({ required: true }),
    tokenCount: t.field({ type: 'NonNegativeInt' }),
  }),
});

const AppendMessagePayload = builder.objectRef<{ messageId: string; conversationId: string }>('AppendMessagePayload').implement({
  fields: (t) => ({
    appendedMessage: t.prismaField({
      type: Message,
      resolve: (query, { messageId: id }, _args, { tx, caller: { tenantId } }) =>
        tx.message.findUniqueOrThrow({ ...query, where: { tenantId_id: { tenantId, id } } }),
    }),
    conversation: t.prismaField({
      type: Conversation,
      resolve: (query, { conversationId: id }, _args, { tx, caller: { tenantId } }) =>
        tx.conversation.findUniqueOrThrow({ ...query, where: { tenantId_id: { tenantId, id } } }),
    }),
  }),
});

builder.mutationField('appendMessage', (t) =>
  t.field({
    type: AppendMessagePayload,
    args: { input: t.arg({ type: AppendMessageInput, required: true }) },
    async resolve(_root, { input }, { tx, caller: { tenantId } }) {
      const { conversationId, role, content, tokenCount } = input;
      const conversation = await tx.conversation.findUnique({ where: { tenantId_id: { tenantId, id: conversationId } } });
      if (conversation?.status !== 'ACTIVE') throw new GraphQLError('The conversation is not active and accepts no messages.');
      const { id: messageId } = await tx.message.create({
        data: { tenantId, id: newId(), conversationId, role, content, tokenCount },
      });
      return { messageId, conversationId };
    },
  }),
);

export const schema = builder.toSchema();
