import { z } from 'zod';
import { defineTool } from '../../../platform/mcp-server/define-tool.ts';
import { CONTENT_TOO_LARGE, fitsContent } from '../../conversations/exports.ts';
import { sendMessage } from '../lifecycle/send-message.ts';

export const sendMessageTool = defineTool({
  name: 'send_message',
  title: 'Send a message',
  description:
    "Sends a user's message to a conversation and starts the run that answers it. Poll read_messages for the answer until the run has ended.",
  access: 'agent:execute',
  writes: true,
  input: {
    conversationId: z.uuid().describe('The conversation, which must be ACTIVE.'),
    content: z
      .string()
      .min(1, 'Must not be empty.')
      .refine(fitsContent, CONTENT_TOO_LARGE)
      .describe('Text of the message, at most 1 MiB.'),
    idempotencyKey: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('Key of this call, unique in the conversation: a retry with the same key returns the first result.'),
  },
  output: {
    messageId: z.uuid(),
    sequence: z
      .number()
      .int()
      .describe(
        'Number of the message in the conversation. read_messages with this number as `after` returns the messages that follow.',
      ),
    runId: z.uuid().describe('The run that answers the message.'),
    repeated: z.boolean().describe('Whether the idempotency key was used before, so that this is the result of the first call.'),
  },
  async run(context, { conversationId, content, idempotencyKey }) {
    const { message, run, repeated } = await sendMessage(context, context.viewer, { conversationId, content, idempotencyKey });
    return { messageId: message.id, sequence: message.sequence, runId: run.id, repeated };
  },
});
