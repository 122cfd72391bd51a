import { logSubscription } from '../../../platform/graphql/kit/log-subscription.ts';
import { runLog } from '../run-log.ts';
import { AgentRun } from './run.ts';

logSubscription('agentRunUpdated', {
  log: runLog,
  type: AgentRun,
  typename: 'AgentRun',
  argument: 'runId',
  access: 'conversation:read',
  description:
    'A run as it changes from now on: its state, its tool calls, what it has cost. One that changes faster than it is told is told in its ' +
    'newest state.',
  afterEnd: 'read the run again after coming back',
});
