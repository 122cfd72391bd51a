import './errors.ts';
import '../modules/tenancy/index.ts';
import '../modules/agents/index.ts';
import '../modules/conversations/index.ts';
import '../modules/knowledge/index.ts';
import '../modules/mcp/index.ts';
import '../modules/runs/index.ts';
import '../modules/audit/index.ts';
import { builder } from './builder.ts';
import { verifyPlanSupport } from './execution/plan-support.ts';

export const schema = builder.toSchema();
verifyPlanSupport(schema, builder.options.plugins ?? []);
