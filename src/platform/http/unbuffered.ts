/** Headers of a stream: caches and proxies deliver its parts at once. The second one is for nginx, which would buffer them. */
export const UNBUFFERED = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const;
