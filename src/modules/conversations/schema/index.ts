import './conversation.ts';
import './message.ts';
import './tool-execution.ts';
import './event.ts';
import './mutations.ts';
import './subscriptions.ts';
