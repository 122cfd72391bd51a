import { entity } from '../../platform/graphql/kit/entity/entity.ts';
import type { ReferenceTarget } from '../../platform/graphql/kit/entity/entity-fields.ts';
import type { RowOf } from '../../platform/graphql/kit/entity/model-columns.ts';
import { dependsOn } from '../../platform/graphql/kit/selection.ts';
import { sql } from '../../platform/postgres/sql.ts';
import { Conversation } from './conversation.ts';

export const TOOL_CALLS_DESCRIPTION = 'Tool calls that the model requests: objects of `id`, `name` and `arguments`.';
export const TOOL_RESULTS_DESCRIPTION = 'Results of tool calls: objects of `toolCallId`, `output` and `error`.';

export type Message = RowOf<'Message'>;
export const Message = entity('Message', {
  table: 'messages',
  access: 'conversation:read',
  tenantScoped: true,
  columns: ['sequence', 'role', 'content', 'model', 'tokenCount', 'latencyMs', 'metadata'],
  references: {
    conversation: Conversation,
    parentMessage: { to: (): ReferenceTarget => Message },
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
      role: f.anyOf('role'),
      afterSequence: f.where(
        'Int',
        'Returns messages with a higher sequence number.',
        (after: number) => sql`${f.column('sequence')} > ${after}::integer`,
      ),
      beforeSequence: f.where(
        'Int',
        'Returns messages with a lower sequence number.',
        (before: number) => sql`${f.column('sequence')} < ${before}::integer`,
      ),
    }),
  },
});

Message.listOn(Conversation, 'messages', {
  column: 'conversationId',
  description: 'Messages of the conversation, by default in the order of their sequence numbers.',
});
