/** The public interface of the module. */
export { appendMessage } from './append-message.ts';
export { acceptsMessages, Conversation } from './conversation.ts';
export { findDraft, removeDraft } from './drafts/draft-rows.ts';
export { createDraftWriter, type DraftWriter } from './drafts/draft-writer.ts';
export { ConversationEvent } from './events/conversation-event.ts';
export { conversationLog } from './events/event-log.ts';
export { subjectOf } from './events/event-payload-cache.ts';
export {
  CONTENT_TOO_LARGE,
  fitsContent,
  insertMessageUnannounced,
  MAX_CONTENT_BYTES,
  type MessageFields,
} from './insert-message.ts';
export { Message } from './message.ts';
export { insertToolExecution } from './record-tool-execution.ts';
