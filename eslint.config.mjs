// Biome lints and formats. ESLint adds three rules that need types, since an unhandled promise loses an error or a message, and a rule about
// catch clauses.
import tseslint from 'typescript-eslint';

const UNHANDLED = 'Bind the error, handle expected errors only, and rethrow or report any other.';

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      'services/console/generated/**',
      '**/node_modules/**',
      '**/*.mjs',
      'jest.config.js',
    ],
  },
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {
        // One program for all sources: a program per package would parse shared sources repeatedly.
        project: 'tsconfig.eslint.json',
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/await-thenable': 'error',
    },
  },
  {
    // A catch clause that treats every error as an outage hides bugs. Exceptions have a directive with their reason.
    files: ['services/{api,device-sim,rules}/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CatchClause:not([param])',
          message: UNHANDLED,
        },
        {
          selector:
            'CatchClause[param]:not(:has(ThrowStatement)):not(:has(CallExpression[callee.name=/^(storeFailure|isStoreFailure|next)$/])):not(:has(CallExpression[callee.property.name=/^(report|reportUnexpected|failed|onFailure|onRetry|onRepairFailed)$/]))',
          message:
            'Rethrow the error, check it with storeFailure or isStoreFailure, or report it to RulesErrors or ApiErrors.',
        },
        {
          selector: 'CallExpression[callee.property.name="catch"] > ArrowFunctionExpression[params.length=0]',
          message: UNHANDLED,
        },
        {
          selector:
            'CallExpression[callee.property.name="then"] > ArrowFunctionExpression[params.length=0]:nth-child(2)',
          message: UNHANDLED,
        },
      ],
    },
  },
);
