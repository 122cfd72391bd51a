import {
  type DraftSnapshot,
  type DraftSource,
  restartOf,
  VERSIONS_PER_RESTART,
} from '../../../platform/live/drafts/draft-source.ts';
import { anyId } from '../../../platform/postgres/id-arrays.ts';
import { queryRows, raw, sql } from '../../../platform/postgres/sql.ts';
import type { ConversationEventRow } from '../events/event-row.ts';

/** Excludes drafts that a worker abandoned: their run is not RUNNING. */
const isActive = sql`EXISTS (SELECT FROM agent_runs
  WHERE agent_runs.tenant_id = drafts.tenant_id AND agent_runs.id = drafts.run_id AND agent_runs.status = 'RUNNING')`;

type ReadRow = { conversationId: string; head: number } & (DraftSnapshot | Record<keyof DraftSnapshot, null>);

function messageOf({ type, payload }: ConversationEventRow): string | undefined {
  if (type !== 'MESSAGE_APPENDED' || payload === null || typeof payload !== 'object' || Array.isArray(payload)) return undefined;
  return typeof payload.messageId === 'string' ? payload.messageId : undefined;
}

/** Drafts: the text of messages that models are generating. */
export const conversationDrafts: DraftSource<ConversationEventRow> = {
  topic: 'draft',
  async readVersions(database, conversationIds) {
    const drafts = await queryRows<{ conversationId: string; version: number }>(
      database,
      sql`SELECT conversation_id, version FROM message_drafts drafts
        WHERE ${anyId(raw('conversation_id'), conversationIds)} AND ${isActive}`,
    );
    return new Map(drafts.map(({ conversationId, version }) => [conversationId, version]));
  },
  async read(database, questions) {
    // One statement, so that the text and the sequence number come from one snapshot.
    const found = await queryRows<ReadRow>(
      database,
      sql`SELECT conversations.id AS conversation_id, conversations.last_event_sequence AS head,
          drafts.id, drafts.version, drafts.run_id AS writer_id, drafts.updated_at,
          CASE WHEN drafts.id = known.draft_id AND drafts.version / ${VERSIONS_PER_RESTART}::integer = known.restart
            THEN substr(drafts.content, known.length + 1) ELSE drafts.content END AS text
        FROM conversations LEFT JOIN message_drafts drafts
          ON drafts.tenant_id = conversations.tenant_id AND drafts.conversation_id = conversations.id AND ${isActive}
        JOIN unnest(${questions.map(({ id }) => id)}::uuid[], ${questions.map(({ known }) => known?.id ?? null)}::uuid[],
            ${questions.map(({ known }) => (known ? restartOf(known.version) : null))}::integer[],
            ${questions.map(({ known }) => known?.length ?? null)}::integer[]) AS known(id, draft_id, restart, length)
          ON known.id = conversations.id`,
    );
    return new Map(
      found.map(({ conversationId, head, ...draft }) => [conversationId, { head, draft: draft.id === null ? undefined : draft }]),
    );
  },
  completedBy: messageOf,
  toRow: ({ tenantId, id, sequence }, { id: messageId, writerId: runId, updatedAt }, { offset, text }) => ({
    tenantId,
    id: messageId,
    conversationId: id,
    sequence,
    type: 'MESSAGE_DELTA',
    payload: { runId },
    createdAt: updatedAt,
    delta: { messageId, offset, text },
  }),
};
