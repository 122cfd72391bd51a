import type { DraftWriter } from '../conversations/draft-writer.ts';
import type { KnowledgeServices } from '../knowledge/services.ts';
import type { McpServices } from '../mcp/services.ts';
import type { RunMeter } from './run-meter.ts';

/** What starting, stopping and deciding about runs takes. Those functions run inside the caller's transaction. */
export interface RunControls extends Pick<KnowledgeServices, 'database' | 'prisma' | 'live' | 'jobs'> {
  runMeter: RunMeter;
}

/** What a worker carries out runs with. */
export interface RunServices extends KnowledgeServices, McpServices, RunControls {
  drafts: DraftWriter;
}
