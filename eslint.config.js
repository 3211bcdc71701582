import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const nodeGlobals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']));

export default defineConfig(
  // What is compiled by its own options, with decorators, has its compiler.
  globalIgnores(['dist/', 'site/', 'coverage/', 'examples/nest/']),
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: nodeGlobals },
  },
  {
    files: ['examples/world/page/**'],
    languageOptions: {
      globals: Object.fromEntries(
        ['document', 'localStorage', 'location', 'history', 'innerWidth', 'matchMedia', 'EventSource'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
  {
    files: ['src/hosts/inspector/page/**'],
    languageOptions: {
      globals: Object.fromEntries(
        ['document', 'location', 'addEventListener', 'EventSource'].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['examples/production/frontend/**'],
    languageOptions: { globals: { document: 'readonly', localStorage: 'readonly', location: 'readonly' } },
  },
  {
    files: ['examples/scaled/page/**'],
    languageOptions: {
      globals: { document: 'readonly', localStorage: 'readonly', matchMedia: 'readonly', EventSource: 'readonly' },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // `async` also says that what is thrown becomes a rejection, and an implementation in memory has nothing to await.
    files: ['**/*.ts'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  {
    // Test cases and doubles are plain objects: methods taken off them have no `this` to lose.
    files: ['src/testing/**', 'test/**'],
    rules: { '@typescript-eslint/unbound-method': 'off' },
  },
);
