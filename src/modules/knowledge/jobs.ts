import { runWithContext } from '../../db/context.ts';
import type { JobHandlers } from '../../jobs/job.ts';
import { purgeDocument } from './documents.ts';
import { giveUpEvaluation, runEvaluation } from './evaluate.ts';
import { giveUpDocument, processDocument } from './process-document.ts';
import type { KnowledgeServices } from './services.ts';

/** What a worker does for this module. */
export function knowledgeJobs(services: KnowledgeServices): JobHandlers {
  return {
    'document.process': ({ data, signal, lastAttempt }) =>
      processDocument(services, { tenantId: data.tenantId, documentId: data.id, signal, lastAttempt }),
    'document.failed': ({ data }) => giveUpDocument(services, data.tenantId, data.id),
    'document.purge': ({ data }) => runWithContext({ tenantId: data.tenantId }, () => purgeDocument(services, data.id)),
    'evaluation.run': ({ data, signal }) => runEvaluation(services, data.tenantId, data.id, signal),
    'evaluation.failed': ({ data }) => giveUpEvaluation(services, data.tenantId, data.id),
  };
}
