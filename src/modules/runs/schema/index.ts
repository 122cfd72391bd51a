import './run.ts';
import './llm-call.ts';
import './tool-call.ts';
import './mutations.ts';
import './usage.ts';
import './model-price.ts';
import './subscriptions.ts';
