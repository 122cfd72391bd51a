import type { Document } from '../../../generated/prisma/client.ts';
import { changeLog } from '../../../platform/live/change-log.ts';

/** The documents of a collection, each in its newest state. */
export const documentLog = changeLog<Document>({
  topic: 'collection',
  subject: 'The collection',
  resume: 'Subscribe again, and read the list of documents for what changed in between.',
  table: 'documents',
  parent: { table: 'collections', column: 'collection_id' },
});
