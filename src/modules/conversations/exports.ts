/** What other modules may use of conversations. */
export { appendMessage } from './append-message.ts';
export { CONTENT_TOO_LARGE, fitsContent, MAX_CONTENT_BYTES } from './content-limit.ts';
export { findDraft, removeDraft } from './drafts/draft-rows.ts';
export { createDraftWriter, type DraftWriter } from './drafts/draft-writer.ts';
export { conversationLog } from './events/event-log.ts';
export { subjectOf } from './events/event-payload-cache.ts';
export { insertMessageUnannounced, type MessageFields } from './insert-message.ts';
export { acceptsMessages, requireConversation } from './read.ts';
export { insertToolExecution } from './record-tool-execution.ts';
export { Conversation, loadConversation } from './schema/conversation.ts';
export { ConversationEvent } from './schema/event.ts';
export { loadMessage, Message, messageList } from './schema/message.ts';
export { ExecutionStatusEnum } from './schema/tool-execution.ts';
