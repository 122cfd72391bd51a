import { z } from 'zod';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { CONTENT_TOO_LARGE, fitsContent } from '../../conversations/exports.ts';
import { sendMessage } from '../lifecycle/send-message.ts';

export const sendMessageTool = defineTool({
  name: 'send_message',
  title: 'Send a message',
  description:
    "Sends a user's message to the agent of a conversation, which begins to answer. Read what it says with read_messages, until the run has ended.",
  access: 'agent:execute',
  writes: true,
  input: {
    conversationId: z.uuid().describe('The conversation, which must be ACTIVE.'),
    content: z.string().min(1, 'Must not be empty.').refine(fitsContent, CONTENT_TOO_LARGE).describe('What is said.'),
    idempotencyKey: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('Your name for this call, unique in the conversation: a retry with the same key returns the first result.'),
  },
  output: {
    messageId: z.uuid(),
    sequence: z.number().int().describe('Its number in the conversation: read_messages after it gives what follows.'),
    runId: z.uuid().describe('The run that answers.'),
    repeated: z.boolean().describe('Whether the idempotency key had been used: this is the result of the first call.'),
  },
  async run(context, { conversationId, content, idempotencyKey }) {
    const { message, run, repeated } = await sendMessage(context, context.viewer, { conversationId, content, idempotencyKey });
    return { messageId: message.id, sequence: message.sequence, runId: run.id, repeated };
  },
});
