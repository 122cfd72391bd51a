import { defineModule } from '../../platform/module/define-module.ts';

/** Records the calls of models of all domains with their cost. */
export const modelUsage = defineModule({
  name: 'model-usage',
  schema: () => import('./schema.ts'),
});
