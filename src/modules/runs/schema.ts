import './agent-run.ts';
import './llm-call.ts';
import './tool-call.ts';
import './agent-usage.ts';
import './lifecycle/send-message.ts';
import './lifecycle/start-agent-run.ts';
import './lifecycle/cancel-run.ts';
import './lifecycle/resolve-approval.ts';
