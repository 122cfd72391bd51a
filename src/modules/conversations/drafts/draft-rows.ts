import { VERSIONS_PER_RESTART } from '../../../platform/live/drafts/draft-source.ts';
import type { Database } from '../../../platform/postgres/database.ts';
import { runWithContext } from '../../../platform/postgres/request-scope.ts';
import { batchQueryRows, queryRows, sql } from '../../../platform/postgres/sql.ts';

/** Whose text it is, and which message it will become. */
export interface DraftKey {
  tenantId: string;
  conversationId: string;
  runId: string;
  messageId: string;
}

export interface DraftWrite {
  of: DraftKey;
  content: string;
  /** The version to write. Undefined for the first write, which takes the draft over from whoever wrote it before. */
  version: number | undefined;
  /** Whether the text begins again. */
  again: boolean;
}

const perStart = sql`${VERSIONS_PER_RESTART}::integer`;

/** The draft that an earlier worker of a run has left behind: the next one goes on under its message id. */
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

/** Ends the text of a conversation, in the transaction that appends its message or ends its run. */
export async function removeDraft(database: Database, conversationId: string): Promise<void> {
  await queryRows(database, sql`DELETE FROM message_drafts WHERE conversation_id = ${conversationId}::uuid`);
}

/** Removes the draft of a message, unless another worker has taken it over since this version. */
export async function discardDraft(database: Database, of: DraftKey, version: number | undefined): Promise<void> {
  await queryRows(
    database,
    sql`DELETE FROM message_drafts WHERE id = ${of.messageId}::uuid
      AND (${version ?? null}::integer IS NULL OR version / ${perStart} = ${version ?? null}::integer / ${perStart})`,
  );
}

/**
 * Writes texts of one tenant, in a transaction of its own.
 * @returns the versions that were written, by message. A draft that is not among them has been taken over or removed.
 */
export async function writeDrafts(
  database: Database,
  tenantId: string,
  writes: readonly DraftWrite[],
): Promise<Map<string, number>> {
  const taken = writes.filter(({ version }) => version === undefined);
  const grown = writes.filter(({ version }) => version !== undefined);
  const written = await (taken.length === 0
    ? runWithContext({ tenantId }, () => grow(database, tenantId, grown))
    : database.transactionAs({ tenantId }, async () => [
        ...(await takeOver(database, tenantId, taken)),
        ...(grown.length > 0 ? await grow(database, tenantId, grown) : []),
      ]));
  return new Map(written.map(({ id, version }) => [id, version]));
}

interface Written {
  id: string;
  version: number;
}

/**
 * The first write of a draft. Only a run that is going on may write, and no message that is there already: a worker that lost
 * its run does not notice at once.
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
  // A row that is new begins anywhere, for the message may have had one before.
  return queryRows<Written>(
    database,
    sql`INSERT INTO message_drafts (tenant_id, id, conversation_id, run_id, content, version)
      SELECT ${tenantId}::uuid, id, conversation_id, run_id, content, (1 + floor(random() * 1000))::integer * ${perStart} FROM ${given}
      ON CONFLICT (tenant_id, conversation_id) DO UPDATE
        SET content = excluded.content, version = (message_drafts.version / ${perStart} + 1) * ${perStart}
        WHERE message_drafts.id = excluded.id
      RETURNING id, version`,
  );
}

/** Another worker's start is another one, so what this worker still writes then meets no row. */
async function grow(database: Database, tenantId: string, writes: readonly DraftWrite[]): Promise<Written[]> {
  const [written] = await batchQueryRows<[Written]>(database, [
    sql`UPDATE message_drafts drafts SET content = given.content,
        version = CASE WHEN given.again THEN (drafts.version / ${perStart} + 1) * ${perStart} ELSE given.version END
      FROM unnest(${writes.map(({ of }) => of.messageId)}::uuid[], ${writes.map(({ content }) => content)}::text[],
        ${writes.map(({ version }) => version)}::integer[], ${writes.map(({ again }) => again)}::boolean[]) AS given(id, content, version, again)
      WHERE drafts.tenant_id = ${tenantId}::uuid AND drafts.id = given.id
        AND drafts.version / ${perStart} = given.version / ${perStart} AND drafts.version < given.version
      RETURNING drafts.id, drafts.version`,
  ]);
  return written;
}
