import './errors.ts';
import { loadSchemas } from '../module-parts.ts';
import { modules } from '../modules/index.ts';
import { builder } from './builder.ts';
import { verifyPlanSupport } from './execution/plan-support.ts';

await loadSchemas(modules);

export const schema = builder.toSchema();
verifyPlanSupport(schema, builder.options.plugins ?? []);
