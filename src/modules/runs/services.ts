import type { DraftWriter } from '../conversations/exports.ts';
import type { KnowledgeServices } from '../knowledge/exports.ts';
import type { ToolServerServices } from '../tool-servers/exports.ts';
import type { RunMetrics } from './run-metrics.ts';

/** Services for starting and cancelling runs and deciding about tool calls, all inside the caller's transaction. */
export interface RunControls extends Pick<KnowledgeServices, 'database' | 'prisma' | 'live' | 'jobs'> {
  runMetrics: RunMetrics;
}

/** Services for executing runs. */
export interface RunServices extends KnowledgeServices, ToolServerServices, RunControls {
  drafts: DraftWriter;
}
