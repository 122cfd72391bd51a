import '../platform/graphql/kit/errors.ts';
import { modules } from '../modules/index.ts';
import { verifyPlanSupport } from '../platform/graphql/executor/plan-support.ts';
import { builder } from '../platform/graphql/kit/builder.ts';
import { loadSchemas } from '../platform/module/module-parts.ts';

await loadSchemas(modules);

export const schema = builder.toSchema();
verifyPlanSupport(schema, builder.options.plugins ?? []);
