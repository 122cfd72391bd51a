import type { JobHandlers } from '../../platform/jobs/job.ts';
import { runWithContext } from '../../platform/postgres/request-scope.ts';
import { purgeDocument } from './documents/documents.ts';
import { markDocumentFailed, processDocument } from './documents/process-document.ts';
import { markEvaluationFailed, runEvaluation } from './evaluation/evaluate.ts';
import type { KnowledgeServices } from './services.ts';

/** The job handlers of this module. */
export function knowledgeJobs(services: KnowledgeServices): JobHandlers {
  return {
    'document.process': ({ data, signal, lastAttempt }) =>
      processDocument(services, { tenantId: data.tenantId, documentId: data.id, signal, lastAttempt }),
    'document.failed': ({ data }) => markDocumentFailed(services, data.tenantId, data.id),
    'document.purge': ({ data }) => runWithContext({ tenantId: data.tenantId }, () => purgeDocument(services, data.id)),
    'evaluation.run': ({ data, signal }) => runEvaluation(services, data.tenantId, data.id, signal),
    'evaluation.failed': ({ data }) => markEvaluationFailed(services, data.tenantId, data.id),
  };
}
