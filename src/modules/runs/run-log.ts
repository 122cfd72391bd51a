import type { AgentRun } from '../../generated/prisma/client.ts';
import { changeLog } from '../../platform/live/change-log.ts';

/** Each run in its newest state. */
export const runLog = changeLog<AgentRun>({
  topic: 'run',
  subject: 'The run',
  resume: 'Subscribe again, and read the run for what changed in between.',
  table: 'agent_runs',
});
