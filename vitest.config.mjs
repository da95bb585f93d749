import { defineConfig } from 'vitest/config';

// Tests run from the compiled tree; programs that they start are those of programs/, which is bundled from it.
export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    // As the entry points of the product set it: ort/disable-telemetry.ts.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    pool: 'forks',
    maxWorkers: 2,
  },
});
