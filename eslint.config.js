import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

/** Forbids the named folders to whoever the block is about; the houses' import rules. */
const forbid = (files, group, message, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: group, message }] }] },
})

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'prebuilds/', 'coverage/', '.tap/', '.tsimp/', 'node_modules/'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries(
        ['process', 'console', 'performance', 'Buffer', 'URL', 'setTimeout', 'clearTimeout'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
  // native <- src/native.ts <- src/* <- { proxy, provisioning, mininet } <- src/cli
  forbid(
    ['src/**/*.ts'],
    '(^|/)(proxy|provisioning|mininet)/',
    'src/ stands below proxy/, provisioning/ and mininet/; only src/cli and src/index.ts compose them',
    ['src/cli/**', 'src/index.ts'],
  ),
  forbid(
    ['proxy/**/*.ts'],
    '(^|/)(provisioning|mininet|src/cli|src/exec)(/|\\.)',
    'proxy/ imports neither its siblings nor src/cli, and never spawns commands',
  ),
  forbid(
    ['provisioning/**/*.ts'],
    '(^|/)(proxy|mininet|src/cli)/',
    'provisioning/ imports neither its siblings nor src/cli',
  ),
  forbid(
    ['mininet/**/*.ts'],
    '(^|/)(proxy|provisioning|src/cli)/',
    'mininet/ runs the built command as a subprocess; it imports neither its siblings nor src/cli',
  ),
  {
    files: ['src/**/*.ts', 'proxy/**/*.ts', 'provisioning/**/*.ts', 'mininet/**/*.ts'],
    ignores: ['src/native.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name="createRequire"]',
          message: 'src/native.ts is the only importer of the native addon',
        },
      ],
    },
  },
)
