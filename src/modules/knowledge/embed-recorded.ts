import { type Embedder, EmbeddingError, type Embeddings, type EmbedOptions } from '../../platform/ai/embedding/embedder.ts';
import { type LlmCallRecord, recordLlmCall } from '../model-usage/exports.ts';
import type { KnowledgeServices } from './services.ts';

/** Embeds texts and records the call of a provider, also a failed one. Never call it inside a transaction: it waits for the model. */
export async function embedRecorded(
  services: Pick<KnowledgeServices, 'database'>,
  embedder: Embedder,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<Embeddings> {
  const { source } = embedder;
  if (!source) return embedder.embed(texts, options);
  const startedAt = performance.now();
  const record = (rest: Pick<LlmCallRecord, 'status' | 'inputTokens' | 'estimated' | 'error'>) =>
    recordModelCall(services, {
      ...source,
      ...rest,
      kind: 'EMBEDDING',
      prompt: { texts: texts.length, purpose: options.purpose },
      outputTokens: 0,
      latencyMs: performance.now() - startedAt,
    });
  try {
    const embeddings = await embedder.embed(texts, options);
    await record({ status: 'SUCCESS', inputTokens: embeddings.tokens, estimated: embeddings.estimated });
    return embeddings;
  } catch (error) {
    if (error instanceof EmbeddingError) {
      const { code, message, spentTokens } = error;
      const status = code === 'MODEL_TIMEOUT' ? 'TIMEOUT' : 'ERROR';
      await record({ status, inputTokens: spentTokens, estimated: spentTokens > 0, error: { code, message } });
    }
    throw error;
  }
}

/** The server writes the record: viewers with read access need no permission for it. */
export async function recordModelCall({ database }: Pick<KnowledgeServices, 'database'>, call: LlmCallRecord): Promise<void> {
  await database.transaction(() => recordLlmCall(database, call), { readOnly: false });
}
