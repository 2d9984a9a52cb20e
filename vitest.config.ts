import { defineConfig } from 'vitest/config';

/**
 * `unit` needs nothing but Node (loopback servers in the process are fine) and stays under two minutes.
 * `parts` talks to real programs: Temporal, registries, git over http, Apache, GnuPG, skopeo.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.parts.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
          // Vitest's own choice leaves one core idle: half of two, where the tests wait for their loopback servers.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'parts',
          include: ['test/**/*.parts.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
