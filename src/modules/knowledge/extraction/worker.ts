import { parentPort } from 'node:worker_threads';
import { UnreadableDocumentError } from './errors.ts';
import { readDocument } from './read-document.ts';
import type { ExtractionMessage, ExtractionTask } from './worker-messages.ts';

/** Chunks per message, so that the main thread can run other work between messages. */
const BATCH = 500;

function post(message: ExtractionMessage): void {
  parentPort?.postMessage(message);
}

async function main({ file, split, limits }: ExtractionTask): Promise<void> {
  try {
    const blocks = await readDocument(file, limits);
    // Imported after reading: the vocabulary is slow to load, and unreadable documents do not need it.
    const { splitBlocks } = await import('./splitting/split.ts');
    const chunks = splitBlocks(blocks, split, limits.maxChunks);
    for (let start = 0; start < chunks.length; start += BATCH)
      post({ kind: 'chunks', chunks: chunks.slice(start, start + BATCH) });
    post({ kind: 'done' });
  } catch (error) {
    if (error instanceof UnreadableDocumentError) {
      const cause = error.cause === undefined ? undefined : String(error.cause).slice(0, 500);
      post({ kind: 'unreadable', code: error.code, message: error.message, cause });
    } else {
      const { code } = error as NodeJS.ErrnoException;
      post({ kind: 'failed', error: error as Error, code });
    }
  }
}

parentPort?.on('message', (task: ExtractionTask) => void main(task));
