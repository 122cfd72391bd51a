import type { Worker } from 'node:worker_threads';
import { UnreadableDocumentError } from './errors.ts';
import { defaultLimits, type ExtractionLimits } from './limits.ts';
import { exceedsMemory } from './memory-limit.ts';
import type { DocumentFile } from './read-document.ts';
import { assertSplitSettings, type ExtractedChunk, type SplitSettings } from './splitting/split-settings.ts';
import type { ExtractionMessage, ExtractionTask } from './worker-messages.ts';
import { acquireWorker, releaseWorker } from './worker-pool.ts';

export type { DocumentFile } from './read-document.ts';
export type { ExtractedChunk, SplitSettings } from './splitting/split-settings.ts';
export type { TextBlock } from './text-blocks.ts';

/** To be raised when the same bytes would come out as other chunks: what was cut before is then cut anew. */
export const extractionVersion = 1;

function tooMuchMemory(): UnreadableDocumentError {
  return new UnreadableDocumentError('TOO_MUCH_MEMORY', 'The document takes too much memory to read. Split it into several.');
}

function tooSlow(): UnreadableDocumentError {
  return new UnreadableDocumentError('TOO_SLOW', 'The document takes too long to read. Split it into several.');
}

/** Listens to a thread until it has said its last word, or has died. */
function chunksOf(worker: Worker): Promise<ExtractedChunk[]> {
  const chunks: ExtractedChunk[] = [];
  return new Promise((resolve, reject) => {
    worker.on('message', (message: ExtractionMessage) => {
      if (message.kind === 'chunks') for (const chunk of message.chunks) chunks.push(chunk);
      else if (message.kind === 'done') resolve(chunks);
      else if (message.kind === 'failed') reject(Object.assign(message.error, { code: message.code }));
      else reject(new UnreadableDocumentError(message.code, message.message, { cause: message.cause }));
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooMuchMemory() : error);
    });
    worker.on('exit', (code) => reject(new Error(`The thread that read the document ended with ${code} and said nothing.`)));
  });
}

/**
 * Reads a file and cuts its text, in a thread apart, so that no document can hold up or take down the process. The same bytes and
 * settings give the same chunks. A thread whose document made trouble has ended when the promise settles.
 *
 * @throws UnreadableDocumentError when the document is at fault; the signal's reason when aborted
 */
export async function extractChunks(
  file: DocumentFile,
  split: SplitSettings,
  { signal, ...limits }: Partial<ExtractionLimits> & { signal?: AbortSignal | undefined } = {},
): Promise<ExtractedChunk[]> {
  assertSplitSettings(split);
  signal?.throwIfAborted();
  const task: ExtractionTask = { file, split, limits: { ...defaultLimits, ...limits } };
  const thread = acquireWorker(task.limits.memoryMb);
  const { worker } = thread;
  let well = false;
  const over = new AbortController();
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  const deadline = setTimeout(() => stop(tooSlow()), task.limits.timeoutMs);
  const onAbort = () => stop(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  exceedsMemory(worker, task.limits.memoryMb, over.signal).then((exceeded) => exceeded && stop(tooMuchMemory()), stop);
  try {
    const reading = chunksOf(worker);
    worker.postMessage(task);
    const chunks = await Promise.race([reading, stopped]);
    well = true;
    return chunks;
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
    over.abort();
    if (well) await releaseWorker(thread);
    else await worker.terminate();
  }
}
