// Jest in ESM mode (NestJS 12 is ESM only). Run it with scripts/jest.mjs, which sets the Node flag.
const project = (displayName, testMatch, more = {}) => ({
  displayName,
  testMatch,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^@lamplighter/(dashboards|native|prove|test-kit)/(.+)$': '<rootDir>/tools/$1/src/$2.ts',
    '^@lamplighter/(certificates|device-sim)/(.+)$': '<rootDir>/services/$1/src/$2.ts',
    '^@lamplighter/([^/]+)/(.+)$': '<rootDir>/packages/$1/src/$2.ts',
    '^([.]{1,2}/.*)[.]js$': '$1',
  },
  transform: {
    '^.+[.]ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  ...more,
});

const WITH_SHARED_STACK = {
  globalSetup: '<rootDir>/test/system/shared-stack.setup.mjs',
  globalTeardown: '<rootDir>/test/system/shared-stack.teardown.mjs',
};

export default {
  // Four test files keep two cores busy, since each mostly waits for processes, disks and timers.
  maxWorkers: 4,
  // Longer than any wait in a test, so that the wait fails first and names its condition.
  testTimeout: 30_000,
  projects: [
    project('unit', [
      '<rootDir>/packages/*/src/**/*.test.ts',
      '<rootDir>/services/*/src/**/*.test.ts',
      '<rootDir>/tools/*/src/**/*.test.ts',
      '<rootDir>/bench/src/**/*.test.ts',
      '<rootDir>/examples/**/*.test.ts',
    ]),
    // Short fault cases and attacks also run with the system tests.
    project(
      'system',
      [
        '<rootDir>/test/system/**/*.test.ts',
        '<rootDir>/test/faults/*.short.test.ts',
        '<rootDir>/test/security/*.short.test.ts',
      ],
      WITH_SHARED_STACK,
    ),
    // Every attack, the short ones with more of each.
    project(
      'security',
      ['<rootDir>/test/security/*.test.ts', '<rootDir>/test/system/security/*.test.ts'],
      WITH_SHARED_STACK,
    ),
    // Long console tests. The short ones run with the system tests.
    project(
      'console',
      ['<rootDir>/test/console/*.test.ts', '<rootDir>/test/system/console/*.test.ts'],
      WITH_SHARED_STACK,
    ),
    project('faults', ['<rootDir>/test/faults/*.test.ts'], { globalSetup: '<rootDir>/scripts/bundle.mjs' }),
  ],
};
