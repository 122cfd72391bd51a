import { parentPort, workerData } from 'node:worker_threads';
import { UnreadableDocumentError } from './errors.ts';
import { readDocument } from './read-document.ts';
import { splitPassages } from './split.ts';
import type { ExtractionMessage, ExtractionTask } from './worker-messages.ts';

/** Chunks in one message: the main thread has other things to do between two. */
const BATCH = 500;

function say(message: ExtractionMessage): void {
  parentPort?.postMessage(message);
}

async function main({ file, split, limits }: ExtractionTask): Promise<void> {
  try {
    const chunks = splitPassages(await readDocument(file, limits), split, limits.maxChunks);
    for (let start = 0; start < chunks.length; start += BATCH)
      say({ kind: 'chunks', chunks: chunks.slice(start, start + BATCH) });
    say({ kind: 'done' });
  } catch (error) {
    if (error instanceof UnreadableDocumentError) {
      const cause = error.cause === undefined ? undefined : String(error.cause).slice(0, 500);
      say({ kind: 'unreadable', code: error.code, message: error.message, cause });
    } else {
      say({ kind: 'failed', error });
    }
  }
}

await main(workerData as ExtractionTask);
