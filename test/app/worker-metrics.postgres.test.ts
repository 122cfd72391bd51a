import { expect, onTestFinished, test } from 'vitest';
import { generateSealingKey, serializeSealingKeys } from '../../src/platform/encryption/keys.ts';
import { startWorker } from '../modules/runs/processes/worker-process.ts';
import { throwawayDatabase } from '../testkit/database.ts';

test('/metrics of a worker has the metrics of runs and of MCP servers', async () => {
  const db = await throwawayDatabase();
  onTestFinished(() => db.close());
  const worker = await startWorker({
    DATABASE_URL: db.urls?.server ?? '',
    AGENTBASE_DATA_DIR: 'memory://',
    HOST: '127.0.0.1',
    SEALING_KEYS: serializeSealingKeys([generateSealingKey()]),
    METRICS_TOKEN: 'of-the-worker',
  });
  onTestFinished(async () => void (await worker.end('SIGTERM')));
  const page = (headers: Record<string, string> = {}) => fetch(`${worker.origin}/metrics`, { headers });
  expect((await page()).status).toBe(401);
  const metrics = await (await page({ authorization: 'Bearer of-the-worker' })).text();
  for (const name of [
    'agentbase_runs_in_progress 0',
    'agentbase_run_seconds',
    'agentbase_tool_call_seconds',
    'agentbase_mcp_call_seconds',
    'agentbase_mcp{what="connections"} 0',
    'agentbase_model_tokens_total',
  ]) {
    expect(metrics).toContain(name);
  }
});
