import './schema/run.ts';
import './schema/llm-call.ts';
import './schema/tool-call.ts';
import './schema/mutations.ts';
import './schema/usage.ts';
import './schema/model-price.ts';
import './schema/subscriptions.ts';
