import { logSubscription } from '../../../platform/graphql/kit/log-subscription.ts';
import { documentLog } from '../documents/document-log.ts';
import { Document } from './document.ts';

logSubscription('documentUpdated', {
  log: documentLog,
  type: Document,
  typename: 'Collection',
  access: 'knowledge:read',
  description:
    'The documents of a collection as they change from now on: added, read, indexed, failed, deleted. One that changes faster than it is ' +
    'told is told in its newest state.',
  afterEnd: 'read the list again after coming back',
});
