import type { RunTool, ToolOutcome } from './tool.ts';

async function call({ time_zone: zone = 'UTC' }: Record<string, unknown>): Promise<ToolOutcome> {
  try {
    const now = new Date();
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: String(zone),
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      weekday: 'long',
      timeZoneName: 'longOffset',
    });
    const part = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
    const offset = part.timeZoneName?.replace('GMT', '') || '+00:00';
    const time = `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}${offset}`;
    return {
      status: 'SUCCEEDED',
      output: { time, weekday: part.weekday, time_zone: format.resolvedOptions().timeZone },
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { status: 'FAILED', error: `Unknown time zone: ${String(zone)}. Use an IANA name such as Europe/Vienna.` };
  }
}

const INPUT_SCHEMA = {
  type: 'object',
  properties: {
    time_zone: { type: 'string', maxLength: 100, description: 'An IANA name such as Europe/Vienna. Default: UTC.' },
  },
  additionalProperties: false,
};

export function currentTime(approval: boolean): RunTool {
  return {
    name: 'current_time',
    description: 'Returns the current date, time and day of the week in a time zone.',
    inputSchema: INPUT_SCHEMA,
    source: 'BUILT_IN',
    approval,
    repeatable: true,
    call,
  };
}
