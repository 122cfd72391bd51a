import { estimateTokens } from '../embedding/embedding-batches.ts';
import type { LanguageMessage, ModelStepRequest } from '../language/language-model.ts';

/** What providers count for one image at most, roughly. */
const IMAGE_TOKENS = 1_500;

/** An estimate, which exceeds the count of most providers. */
export function promptTokens({
  instructions = '',
  messages,
  tools,
}: Pick<ModelStepRequest, 'instructions' | 'messages' | 'tools'>) {
  return (
    estimateTokens(instructions + JSON.stringify(tools)) + messages.reduce((sum, message) => sum + messageTokens(message), 0)
  );
}

export function messageTokens(message: LanguageMessage): number {
  if (message.role !== 'tool') return estimateTokens(JSON.stringify(message));
  const images = message.toolResults.reduce((count, result) => count + (result.images?.length ?? 0), 0);
  const texts = message.toolResults.map(({ images: _, ...result }) => result);
  return estimateTokens(JSON.stringify(texts)) + images * IMAGE_TOKENS;
}
