/** Selects the fields of an event that a dashboard needs. `sequence` comes first and once, so that it is found without parsing. */
export const DOCUMENT = `subscription Watch($id: ID!) {
  conversationEvents(conversationId: $id) {
    sequence
    type
    createdAt
    runId
    message { id uuid role content model tokenCount metadata createdAt }
  }
}`;

/** Content of each message, with the typical length of a chat message. */
export const CONTENT = 'The order left our warehouse this morning and should be with you by Thursday. '.repeat(3).trim();

export interface EventOfMessage {
  sequence: number;
  type: string;
  createdAt: string;
  runId: string | null;
  message: { id: string; uuid: string; role: string; content: string; metadata: object; createdAt: string } | null;
}

/** Whether an event has all fields of the document with the expected values. */
export function isComplete({ sequence, type, createdAt, runId, message }: EventOfMessage): boolean {
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
