import type { Catalog } from '../../../platform/mcp-server/catalog.ts';
import { answerPrompt } from './answer-prompt.ts';
import { documentResource } from './resource.ts';
import { searchKnowledgeTool } from './search-knowledge.ts';

export const knowledgeForMcp: Partial<Catalog> = {
  tools: [searchKnowledgeTool],
  resources: [documentResource],
  prompts: [answerPrompt],
  instructions: ['Search the documents of the tenant with search_knowledge.'],
};
