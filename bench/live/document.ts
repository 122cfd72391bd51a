/** What a dashboard asks for of each event. The number comes first and once, so that a reader finds it without parsing. */
export const DOCUMENT = `subscription Watch($id: ID!) {
  conversationEvents(conversationId: $id) {
    sequence
    type
    createdAt
    runId
    message { id uuid role content model tokenCount metadata createdAt }
  }
}`;

/** What each message says: about as much as people and models write in a chat. */
export const CONTENT = 'The order left our warehouse this morning and should be with you by Thursday. '.repeat(3).trim();

export interface EventOfMessage {
  sequence: number;
  type: string;
  createdAt: string;
  runId: string | null;
  message: { id: string; uuid: string; role: string; content: string; metadata: object; createdAt: string } | null;
}

/** Whether an event is what the document asks for. */
export function isWhole({ sequence, type, createdAt, runId, message }: EventOfMessage): boolean {
  return (
    Number.isInteger(sequence) &&
    type === 'MESSAGE_APPENDED' &&
    runId === null &&
    Number.isFinite(Date.parse(createdAt)) &&
    message?.content === CONTENT &&
    message.role === 'USER' &&
    message.uuid.length === 36 &&
    message.id !== '' &&
    Number.isFinite(Date.parse(message.createdAt))
  );
}
