/** Child process that executes queries one after another and measures the time of each. */
export interface Read {
  url: string;
  credential: string;
  /** By name. */
  queries: Record<string, string>;
  forMs: number;
}

/** Milliseconds of each execution, by name of the query. */
export type Times = Record<string, number[]>;

/** Without a pause the reader would itself saturate a core. */
const PAUSE_MS = 10;

async function read({ url, credential, queries, forMs }: Read): Promise<Times> {
  const times: Times = Object.fromEntries(Object.keys(queries).map((name) => [name, []]));
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    for (const [name, query] of Object.entries(queries)) {
      const start = performance.now();
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
        body: JSON.stringify({ query }),
      });
      const { errors } = (await response.json()) as { errors?: unknown };
      if (errors) throw new Error(JSON.stringify(errors));
      times[name]?.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  return times;
}

process.once('disconnect', () => process.exit(0));
process.on('message', async (message: Read) => {
  process.send?.(await read(message));
});
