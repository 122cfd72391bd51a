import type { ServerResponse } from 'node:http';

/** Returns a function that defers a release to the end of the response: at once if its connection has closed already. */
export function releaseOnClose(response: ServerResponse): (release: () => void) => void {
  const releases: (() => void)[] = [];
  response.once('close', () => {
    for (const release of releases) release();
  });
  return (release) => {
    if (response.closed) release();
    else releases.push(release);
  };
}
