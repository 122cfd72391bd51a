import { createRequire } from 'node:module';
import { configDefaults, defineConfig } from 'vitest/config';

const { TEST_DATABASE_URL, TEST_PGBOUNCER_URL, TEST_BROWSER, TEST_CONFORMANCE, TEST_LOAD, TEST_NIGHTLY, VITEST_JSON } =
  process.env;

export default defineConfig({
  // graphql ships CommonJS and ESM: the tests must load the copy that Node gives to Yoga and Pothos.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      // These need a PostgreSQL server: several connections, lock waits, processes that start and end.
      ...(TEST_DATABASE_URL ? [] : ['**/*.postgres.test.ts']),
      ...(TEST_PGBOUNCER_URL ? [] : ['**/*.pgbouncer.test.ts']),
      ...(TEST_BROWSER === '1' ? [] : ['**/*.browser.test.ts']),
      // These start one or two processes for each scenario of the official suites.
      ...(TEST_CONFORMANCE === '1' ? [] : ['**/*.conformance.test.ts']),
      // These measure a server process, which other tests would disturb.
      ...(TEST_LOAD === '1' && TEST_DATABASE_URL ? [] : ['**/*.load.test.ts']),
      // Processes killed at random moments, for minutes: they search for races, and the other suites cover the known ones.
      ...(TEST_NIGHTLY === '1' && TEST_DATABASE_URL ? [] : ['**/*.nightly.test.ts']),
    ],
    environment: 'node',
    globalSetup: ['test/testkit/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // The files of a worker share its modules and its database. Each test creates its own tenants.
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Allows for a busy machine.
    expect: { poll: { timeout: 15_000 } },
    reporters: VITEST_JSON ? ['dot', ['json', { outputFile: VITEST_JSON }]] : ['dot'],
    slowTestThreshold: 5_000,
  },
});
