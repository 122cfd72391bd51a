import { MessageRole } from '../../generated/prisma/enums.ts';
import type { Permission } from '../../platform/auth/permissions.ts';
import { entity, type ReferenceTarget } from '../../platform/graphql/kit/entity/entity.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { enumOf } from '../../platform/graphql/kit/enums.ts';
import { dependsOn } from '../../platform/graphql/kit/selection.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { Conversation } from './conversation.ts';

export const MessageRoleEnum = enumOf('MessageRole', MessageRole, 'Who speaks in a message.');

export const TOOL_CALLS_DESCRIPTION = 'Tools the model asks for: objects of `id`, `name` and `arguments`.';
export const TOOL_RESULTS_DESCRIPTION = 'What the tools answered: objects of `toolCallId`, `output` and `error`.';

export type Message = RowOf<'Message'>;
export const Message = entity('Message', {
  table: 'messages',
  access: 'conversation:read',
  tenantScoped: true,
  columns: ['sequence', 'role', 'content', 'model', 'tokenCount', 'latencyMs', 'metadata'],
  references: {
    conversation: { to: Conversation, description: 'The conversation.' },
    parentMessage: { to: (): ReferenceTarget => Message, description: 'The message this one answers.' },
  },
  fields: (t) => ({
    toolCalls: t.field({
      type: ['JSONObject'],
      nullable: true,
      description: TOOL_CALLS_DESCRIPTION,
      extensions: dependsOn('toolCalls'),
      resolve: ({ toolCalls }) => toolCalls as unknown[] | null,
    }),
    toolResults: t.field({
      type: ['JSONObject'],
      nullable: true,
      description: TOOL_RESULTS_DESCRIPTION,
      extensions: dependsOn('toolResults'),
      resolve: ({ toolResults }) => toolResults as unknown[] | null,
    }),
  }),
  list: {
    orders: ['sequence', '-sequence'],
    filter: (f) => ({
      role: f.anyOf('role', 'Spoken by one of these.'),
      afterSequence: f.where(
        'Int',
        'With a higher number than this.',
        (after: number) => sql`${f.column('sequence')} > ${after}::integer`,
      ),
      beforeSequence: f.where(
        'Int',
        'With a lower number than this.',
        (before: number) => sql`${f.column('sequence')} < ${before}::integer`,
      ),
    }),
  },
});

Message.listOn(Conversation, 'messages', { column: 'conversationId', description: 'Its messages, in the order they were said.' });

/** @deprecated Use `Message.load`. */
export const loadMessage = Message.load;

/** @deprecated Use `Message.listOn`. */
export const messageList = {
  onParent: (
    parent: unknown,
    field: string,
    { description, access }: { description: string; column: 'run_id'; access: Permission },
  ) => Message.listOn(parent as never, field, { column: 'runId', description, access }),
};
