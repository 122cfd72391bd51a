import type { Plugin } from 'graphql-yoga';

/** A plugin of Yoga with its name in `ACCOUNTED_PLUGINS`. */
export interface NamedPlugin {
  name: string;
  plugin: Plugin;
}

/** The plugin that stores executed documents for the fast path. No later plugin may reject a document. */
const LAST = 'prepared-operations';

/** The plugins that the JSON fast path bypasses, with the reason why that is safe. */
export const ACCOUNTED_PLUGINS: Readonly<Record<string, string>> = {
  'token-limit': 'rejects while parsing: only documents that passed are prepared',
  'operation-limits': 'rejects while validating: only documents that passed are prepared',
  'introspection-off': 'rejects while validating: only documents that passed are prepared',
  'csrf-prevention':
    'the fast path accepts application/json only, which browsers do not send to other origins without a preflight',
  'event-streams': 'streams subscriptions, which are never prepared',
  'request-parsing': 'reports malformed requests, which the fast path leaves to Yoga',
  'persisted-operations': 'the fast path looks ids up in the same list, and accepts no document with PERSISTED_OPERATIONS_ONLY',
  metrics: 'the fast path measures its operations with the same metrics',
  variables: 'the fast path checks variables with the same function, and leaves errors to Yoga',
  'tenant-context': 'the HTTP server runs the fast path in the context of the viewer, with the same executor',
  'operation-cost': 'the fast path measures the operation with the same function, and writes the same extension',
  [LAST]: 'fills the cache that the fast path reads',
};

/** Throws where Yoga has a plugin that repeated operations would silently skip. */
export function verifyFastPathPlugins(plugins: readonly NamedPlugin[]): void {
  const unknown = plugins.filter(({ name }) => !Object.hasOwn(ACCOUNTED_PLUGINS, name)).map(({ name }) => name);
  if (unknown.length > 0) {
    throw new Error(
      `the JSON fast path does not account for the Yoga plugin ${unknown.join(', ')}: repeated operations would skip it. ` +
        'Do its work in src/platform/graphql/http/fast-path.ts and add the reason to ACCOUNTED_PLUGINS in src/platform/graphql/http/fast-path-plugins.ts.',
    );
  }
  if (plugins.at(-1)?.name !== LAST) {
    throw new Error(
      `the Yoga plugin ${LAST} must be the last one: a plugin behind it could reject operations that the JSON fast path repeats`,
    );
  }
}
