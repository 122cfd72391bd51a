import { Counter, Histogram, type Registry } from 'prom-client';
import type { Models } from '../../platform/ai/models.ts';

/** Counts calls of configured models and their tokens. */
export function registerModelMetrics(models: Models, registry: Registry): void {
  const registers = [registry];
  const tokens = new Counter({
    name: 'agentbase_model_tokens_total',
    help: 'Tokens that models read and wrote.',
    labelNames: ['model', 'kind'],
    registers,
  });
  const requests = new Histogram({
    name: 'agentbase_model_request_seconds',
    help: 'Duration of requests to models. Each retry counts.',
    labelNames: ['model', 'kind', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  models.onUsage = ({ model, kind, tokens: count, seconds, outcome }) => {
    tokens.inc({ model, kind }, count);
    requests.observe({ model, kind, outcome }, seconds);
  };
}
