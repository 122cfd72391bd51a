import { VERSIONS_PER_RESTART } from '../../../platform/live/drafts/draft-source.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { batchQueryRows, queryRows, sql } from '../../../platform/postgres/sql.ts';

/** The run that generates the text, and the message that the text becomes. */
export interface DraftKey {
  tenantId: string;
  conversationId: string;
  runId: string;
  messageId: string;
}

export interface DraftWrite {
  of: DraftKey;
  content: string;
  /** The version to write. Undefined for the first write, which takes the draft over from an earlier worker. */
  version: number | undefined;
  /** Whether the text restarts. */
  restarts: boolean;
}

const perRestart = sql`${VERSIONS_PER_RESTART}::integer`;

/** The draft of an earlier worker of the run. The next worker continues it under the same message id. */
export async function findDraft(
  database: Database,
  runId: string,
): Promise<{ messageId: string; conversationId: string } | undefined> {
  const [draft] = await queryRows<{ messageId: string; conversationId: string }>(
    database,
    sql`SELECT id AS message_id, conversation_id FROM message_drafts WHERE run_id = ${runId}::uuid`,
  );
  return draft;
}

/** Deletes the draft of a conversation, in the transaction that appends its message or ends its run. */
export async function removeDraft(database: Database, conversationId: string): Promise<void> {
  await queryRows(database, sql`DELETE FROM message_drafts WHERE conversation_id = ${conversationId}::uuid`);
}

/** Deletes the draft of a message, unless another worker has taken it over since this version. */
export async function discardDraft(database: Database, of: DraftKey, version: number | undefined): Promise<void> {
  await queryRows(
    database,
    sql`DELETE FROM message_drafts WHERE id = ${of.messageId}::uuid
      AND (${version ?? null}::integer IS NULL OR version / ${perRestart} = ${version ?? null}::integer / ${perRestart})`,
  );
}

/**
 * Writes drafts of one tenant in a separate transaction.
 * @returns the written versions by message id. A missing draft was taken over or deleted.
 */
export async function writeDrafts(
  database: Database,
  tenantId: string,
  writes: readonly DraftWrite[],
): Promise<Map<string, number>> {
  const firstWrites = writes.filter(({ version }) => version === undefined);
  const laterWrites = writes.filter(({ version }) => version !== undefined);
  const written = await (firstWrites.length === 0
    ? runWithContext({ tenantId }, () => updateDrafts(database, tenantId, laterWrites))
    : database.transactionAs({ tenantId }, async () => [
        ...(await takeOver(database, tenantId, firstWrites)),
        ...(laterWrites.length > 0 ? await updateDrafts(database, tenantId, laterWrites) : []),
      ]));
  return new Map(written.map(({ id, version }) => [id, version]));
}

interface Written {
  id: string;
  version: number;
}

/**
 * The first write of a draft. It requires a RUNNING run and a message id that no message has: a worker may continue for a moment after it
 * has lost its run.
 */
async function takeOver(database: Database, tenantId: string, writes: readonly DraftWrite[]): Promise<Written[]> {
  const given = sql`(SELECT given.* FROM unnest(${writes.map(({ of }) => of.messageId)}::uuid[], ${writes.map(({ of }) => of.conversationId)}::uuid[],
        ${writes.map(({ of }) => of.runId)}::uuid[], ${writes.map(({ content }) => content)}::text[]) AS given(id, conversation_id, run_id, content)
      JOIN agent_runs runs ON runs.tenant_id = ${tenantId}::uuid AND runs.id = given.run_id AND runs.status = 'RUNNING'
      WHERE NOT EXISTS (SELECT FROM messages WHERE messages.tenant_id = ${tenantId}::uuid AND messages.id = given.id)) given`;
  await queryRows(
    database,
    sql`DELETE FROM message_drafts drafts USING ${given}
      WHERE drafts.tenant_id = ${tenantId}::uuid AND drafts.conversation_id = given.conversation_id AND drafts.id <> given.id`,
  );
  // A new row starts at a random version, since an earlier row of the same message may have used low ones.
  return queryRows<Written>(
    database,
    sql`INSERT INTO message_drafts (tenant_id, id, conversation_id, run_id, content, version)
      SELECT ${tenantId}::uuid, id, conversation_id, run_id, content, (1 + floor(random() * 1000))::integer * ${perRestart} FROM ${given}
      ON CONFLICT (tenant_id, conversation_id) DO UPDATE
        SET content = excluded.content, version = (message_drafts.version / ${perRestart} + 1) * ${perRestart}
        WHERE message_drafts.id = excluded.id
      RETURNING id, version`,
  );
}

/** Updates drafts. A takeover raises the restart number, so later writes of the former worker match no row. */
async function updateDrafts(database: Database, tenantId: string, writes: readonly DraftWrite[]): Promise<Written[]> {
  const [written] = await batchQueryRows<[Written]>(database, [
    sql`UPDATE message_drafts drafts SET content = given.content,
        version = CASE WHEN given.restarts THEN (drafts.version / ${perRestart} + 1) * ${perRestart} ELSE given.version END
      FROM unnest(${writes.map(({ of }) => of.messageId)}::uuid[], ${writes.map(({ content }) => content)}::text[],
        ${writes.map(({ version }) => version)}::integer[], ${writes.map(({ restarts }) => restarts)}::boolean[]) AS given(id, content, version, restarts)
      WHERE drafts.tenant_id = ${tenantId}::uuid AND drafts.id = given.id
        AND drafts.version / ${perRestart} = given.version / ${perRestart} AND drafts.version < given.version
      RETURNING drafts.id, drafts.version`,
  ]);
  return written;
}
