import { builder } from '../../../graphql/builder.ts';
import { replayable } from '../../../graphql/field-extensions.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { follow, openRow } from '../../../graphql/live-field.ts';
import { runLog } from '../run-log.ts';
import { AgentRun } from './run.ts';

builder.subscriptionField('agentRunUpdated', (t) =>
  t.field({
    type: AgentRun,
    description:
      'A run as it changes from now on: its state, its tool calls, what it has cost. One that changes faster than it is told is told in its ' +
      'newest state. Ends with an error whose `extensions.code` is UNAUTHENTICATED, FORBIDDEN, SLOW_CONSUMER or SERVER_SHUTDOWN; read the run ' +
      'again after coming back.',
    authScopes: { permission: 'conversation:read' },
    extensions: replayable,
    args: { runId: t.arg.id({ required: true, description: "The run's `id` or `uuid`." }) },
    subscribe: (_root, { runId }, context) =>
      follow(context, runLog, { access: 'conversation:read', id: uuidOf('AgentRun', runId, ['runId']) }),
    resolve: (told, _args, context) => openRow(context, told),
  }),
);
