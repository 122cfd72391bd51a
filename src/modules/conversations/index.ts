import './schema/conversation.ts';
import './schema/message.ts';
import './schema/tool-execution.ts';
import './schema/event.ts';
import './schema/mutations.ts';
import './schema/subscriptions.ts';
