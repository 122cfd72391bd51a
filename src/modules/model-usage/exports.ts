/** The public interface of the module. */
export { type LlmCallRecord, recordLlmCall } from './record-llm-call.ts';
