import { z } from 'zod';
import type { Conversation } from '../../../generated/prisma/client.ts';
import { ConversationStatus, MessageRole } from '../../../generated/prisma/enums.ts';
import type { MessageExcerpt } from './message-excerpts.ts';

/** A conversation in results of MCP tools. */
export const conversationShape = z.object({
  id: z.uuid(),
  uri: z.string().describe('URI of the MCP resource.'),
  agentId: z.uuid(),
  title: z.string().nullable(),
  status: z.enum(ConversationStatus).describe('ACTIVE accepts messages; the other states are final.'),
  messageCount: z.number().int(),
  lastSequence: z.number().int().describe('Sequence number of the last message, 0 before the first.'),
  createdAt: z.iso.datetime(),
});

export function conversationUri(id: string): string {
  return `agentbase://conversations/${id}`;
}

export function conversationOf(row: Conversation): z.input<typeof conversationShape> {
  return { ...row, uri: conversationUri(row.id), createdAt: row.createdAt.toISOString() };
}

export const messageShape = z.object({
  id: z.uuid(),
  sequence: z.number().int().describe('Number of the message in the conversation, from 1, gapless.'),
  role: z.enum(MessageRole),
  content: z.string(),
  cut: z.boolean().describe('Whether the content is truncated.'),
  model: z.string().nullable().describe('Name of the model that generated the message.'),
  createdAt: z.iso.datetime(),
});

export function messageOf(row: MessageExcerpt): z.input<typeof messageShape> {
  return { ...row, createdAt: row.createdAt.toISOString() };
}
