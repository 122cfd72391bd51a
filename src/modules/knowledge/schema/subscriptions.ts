import { builder } from '../../../graphql/builder.ts';
import { replayable } from '../../../graphql/field-extensions.ts';
import { uuidOf } from '../../../graphql/global-id.ts';
import { follow, openRow } from '../../../graphql/live-field.ts';
import { documentLog } from '../document-log.ts';
import { Document } from './document.ts';

builder.subscriptionField('documentUpdated', (t) =>
  t.field({
    type: Document,
    description:
      'The documents of a collection as they change from now on: added, read, indexed, failed, deleted. One that changes faster than it is ' +
      'told is told in its newest state. Ends with an error whose `extensions.code` is UNAUTHENTICATED, FORBIDDEN, SLOW_CONSUMER or ' +
      'SERVER_SHUTDOWN; read the list again after coming back.',
    authScopes: { permission: 'knowledge:read' },
    extensions: replayable,
    args: { collectionId: t.arg.id({ required: true, description: "The collection's `id` or `uuid`." }) },
    subscribe: (_root, { collectionId }, context) =>
      follow(context, documentLog, { access: 'knowledge:read', id: uuidOf('Collection', collectionId, ['collectionId']) }),
    resolve: (told, _args, context) => openRow(context, told),
  }),
);
