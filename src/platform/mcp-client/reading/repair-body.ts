import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { BodyFilter } from '../transports/tap-body.ts';
import { jsonOf } from './json-values.ts';
import { readMessages } from './read-message.ts';

const NOTHING = new Uint8Array();
/** Two line ends in a row. A carriage return before a line feed is no line end of its own. */
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g;

/** Repairs the messages in a JSON body, see `readMessages`. Returns any other body as it is. */
export function repairJson(answerTo: RequestId): BodyFilter {
  const chunks: Uint8Array[] = [];
  return {
    push(chunk) {
      chunks.push(chunk);
      return NOTHING;
    },
    end() {
      const body = Buffer.concat(chunks);
      const messages = readMessages(body.toString(), answerTo);
      const json = messages && jsonOf(messages.length === 1 ? messages[0] : messages);
      return json === undefined ? body : Buffer.from(json);
    },
  };
}

/** Repairs the messages in a stream of events. Returns other events as they are. Also ends the last event, which some servers leave open. */
export function repairEvents(answerTo?: RequestId): BodyFilter {
  // Latin-1 keeps the bytes as they are.
  let rest = '';
  return {
    push(chunk) {
      const searched = Math.max(0, rest.length - 3);
      rest += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      const repaired: string[] = [];
      let start = 0;
      EVENT_END.lastIndex = searched;
      for (let end = EVENT_END.exec(rest); end; end = EVENT_END.exec(rest)) {
        repaired.push(repairEvent(rest.slice(start, EVENT_END.lastIndex), answerTo));
        start = EVENT_END.lastIndex;
      }
      rest = rest.slice(start);
      return Buffer.from(repaired.join(''), 'latin1');
    },
    end: () => (rest.trim() === '' ? NOTHING : Buffer.from(repairEvent(`${rest}\n\n`, answerTo), 'latin1')),
  };
}

function repairEvent(event: string, answerTo: RequestId | undefined): string {
  const lines = event.split(/\r\n|\r|\n/).filter((line) => line !== '');
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length).replace(/^ /, ''));
  const type = lines
    .findLast((line) => line.startsWith('event:'))
    ?.slice('event:'.length)
    .trim();
  if (data.length === 0 || (type && type !== 'message')) return event;
  const messages = readMessages(Buffer.from(data.join('\n'), 'latin1').toString(), answerTo)?.map(jsonOf);
  if (!messages || messages.includes(undefined)) return event;
  const others = lines.filter((line) => !line.startsWith('data:')).map((line) => `${line}\n`);
  return messages.map((json) => `${others.join('')}data: ${Buffer.from(String(json)).toString('latin1')}\n\n`).join('');
}
