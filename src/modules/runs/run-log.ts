import { isOneOf } from '../../db/ids.ts';
import { columnsOf } from '../../db/readable-columns.ts';
import { identifier, join, raw, rows, sql } from '../../db/sql.ts';
import type { AgentRun } from '../../generated/prisma/client.ts';
import type { LogSource } from '../../live/live.ts';

/** A run as it is since its last change, under that change's number. */
export type RunRow = Readonly<AgentRun> & { readonly sequence: number };

const columns = join(columnsOf('agent_runs').map(identifier), ', ');

/** What becomes of one run: told in its newest state, however often it changed. */
export const runLog: LogSource<RunRow> = {
  topic: 'run',
  subject: 'The run',
  keyOf: ({ id }) => id,
  resume: () => 'Subscribe again, and read the run for what changed in between.',
  async readHead(database, id) {
    const [row] = await rows<{ changeSequence: number }>(
      database,
      sql`SELECT change_sequence FROM agent_runs WHERE id = ${id}::uuid`,
    );
    return row?.changeSequence;
  },
  async readHeads(database, ids) {
    const heads = await rows<{ id: string; changeSequence: number }>(
      database,
      sql`SELECT id, change_sequence FROM agent_runs WHERE ${isOneOf(raw('id'), ids)}`,
    );
    return new Map(heads.map(({ id, changeSequence }) => [id, changeSequence]));
  },
  readAfter: (database, id, after) =>
    rows<RunRow>(
      database,
      sql`SELECT ${columns}, change_sequence AS sequence FROM agent_runs
        WHERE id = ${id}::uuid AND change_sequence > ${after}::integer`,
    ),
};
