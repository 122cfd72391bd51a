import { parentPort } from 'node:worker_threads';
import { runSchemaTask } from './schema-checker.ts';
import type { SchemaTask } from './schema-messages.ts';

parentPort?.on('message', async (task: SchemaTask) => parentPort?.postMessage(await runSchemaTask(task)));
