import { stat } from 'node:fs/promises';
import type { Worker } from 'node:worker_threads';
import { UnreadableDocumentError } from './errors.ts';
import { defaultLimits, type ExtractionLimits, timeLimit } from './limits.ts';
import { exceedsMemory } from './memory-limit.ts';
import type { DocumentFile } from './read-document.ts';
import { assertSplitSettings, type ExtractedChunk, type SplitSettings } from './splitting/split-settings.ts';
import type { ExtractionMessage, ExtractionTask } from './worker-messages.ts';
import { acquireWorker, releaseWorker } from './worker-pool.ts';

export type { DocumentFile } from './read-document.ts';
export type { ExtractedChunk, SplitSettings } from './splitting/split-settings.ts';
export type { TextBlock } from './text-blocks.ts';

/** Increment it when a change of extraction or splitting produces other chunks from the same bytes. Documents are then processed again. */
export const extractionVersion = 2;

function tooMuchMemory(): UnreadableDocumentError {
  return new UnreadableDocumentError(
    'TOO_MUCH_MEMORY',
    'The document needs too much memory to read. Split it into smaller documents.',
  );
}

function tooSlow(): UnreadableDocumentError {
  return new UnreadableDocumentError('TOO_SLOW', 'The document takes too long to read. Split it into smaller documents.');
}

/** Receives the messages of a thread until it reports its end, fails or exits. */
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
    worker.on('exit', (code) => reject(new Error(`The extraction thread exited with code ${code} before it reported a result.`)));
  });
}

/**
 * Reads a file and splits its text in a separate thread, so that no document can block or crash the process. The result is deterministic for
 * the same bytes and settings. After an error, the thread is terminated before the promise settles.
 *
 * @throws UnreadableDocumentError if the document cannot be read; the signal's reason if aborted
 */
export async function extractChunks(
  file: DocumentFile,
  split: SplitSettings,
  { signal, ...limits }: Partial<ExtractionLimits> & { signal?: AbortSignal | undefined } = {},
): Promise<ExtractedChunk[]> {
  assertSplitSettings(split);
  signal?.throwIfAborted();
  const task: ExtractionTask = { file, split, limits: { ...defaultLimits, ...limits } };
  // A file that does not exist is reported by the thread.
  const { size } = (await stat(file.path).catch(() => undefined)) ?? { size: 0 };
  const thread = acquireWorker(task.limits.memoryMb);
  const { worker } = thread;
  let succeeded = false;
  const finished = new AbortController();
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  const deadline = setTimeout(() => stop(tooSlow()), timeLimit(file.mediaType, size, task.limits));
  const onAbort = () => stop(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  exceedsMemory(worker, task.limits.memoryMb, finished.signal).then((exceeded) => exceeded && stop(tooMuchMemory()), stop);
  try {
    const reading = chunksOf(worker);
    worker.postMessage(task);
    const chunks = await Promise.race([reading, stopped]);
    succeeded = true;
    return chunks;
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
    finished.abort();
    if (succeeded) await releaseWorker(thread);
    else await worker.terminate();
  }
}
