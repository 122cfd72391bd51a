import './conversation.ts';
import './message.ts';
import './tool-execution.ts';
import './append-message.ts';
import './record-tool-execution.ts';
import './events/conversation-event.ts';
import './events/subscriptions.ts';
