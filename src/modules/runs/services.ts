import type { DraftWriter } from '../conversations/exports.ts';
import type { KnowledgeServices } from '../knowledge/exports.ts';
import type { ToolServerServices } from '../tool-servers/exports.ts';
import type { RunMetrics } from './run-metrics.ts';

/** What starting, stopping and deciding about runs takes. Those functions run inside the caller's transaction. */
export interface RunControls extends Pick<KnowledgeServices, 'database' | 'prisma' | 'live' | 'jobs'> {
  runMetrics: RunMetrics;
}

/** What a worker carries out runs with. */
export interface RunServices extends KnowledgeServices, ToolServerServices, RunControls {
  drafts: DraftWriter;
}
