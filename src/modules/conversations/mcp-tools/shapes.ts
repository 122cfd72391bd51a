import { z } from 'zod';
import type { Conversation } from '../../../generated/prisma/client.ts';
import { ConversationStatus, MessageRole } from '../../../generated/prisma/enums.ts';
import type { MessageExcerpt } from './message-excerpts.ts';

/** A conversation as MCP clients see it. */
export const conversationShape = z.object({
  id: z.uuid(),
  uri: z.string().describe('Its resource.'),
  agentId: z.uuid(),
  title: z.string().nullable(),
  status: z.enum(ConversationStatus).describe('ACTIVE ones take messages, the others have ended.'),
  messageCount: z.number().int(),
  lastSequence: z.number().int().describe('Number of the last message, 0 before the first.'),
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
  sequence: z.number().int().describe('Its number in the conversation, from 1, without gaps.'),
  role: z.enum(MessageRole),
  content: z.string(),
  cut: z.boolean().describe('Whether the content is only the beginning of a very long message.'),
  model: z.string().nullable().describe('The model that wrote it.'),
  createdAt: z.iso.datetime(),
});

export function messageOf(row: MessageExcerpt): z.input<typeof messageShape> {
  return { ...row, createdAt: row.createdAt.toISOString() };
}
