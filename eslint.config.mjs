import tseslint from 'typescript-eslint'

const deny = (...folders) => ({
  'no-restricted-imports': [
    'error',
    { patterns: [{ group: folders.map((f) => `**/${f}/*`), message: 'Imports go one way: see src/README.md.' }] },
  ],
})

// The one-way imports of src/README.md, folder by folder.
const layers = [
  ['mail', deny('smime', 'pec', 'points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['smime', deny('pec', 'points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['pec', deny('points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['points', deny('providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['watch', deny('providers', 'directory', 'ledger', 'store', 'journal', 'metrics', 'haraka', 'cli')],
  ['alarms', deny('providers', 'directory', 'ledger', 'store', 'journal', 'metrics', 'haraka', 'cli')],
  ['journal', deny('providers', 'directory', 'ledger', 'store', 'metrics', 'haraka', 'cli')],
  ['metrics', deny('providers', 'directory', 'ledger', 'store', 'journal', 'haraka', 'cli')],
  ['providers', deny('directory', 'ledger', 'store', 'haraka', 'cli')],
  ['directory', deny('providers', 'ledger', 'store', 'haraka', 'cli')],
  ['ledger', deny('providers', 'directory', 'store', 'haraka', 'cli')],
  ['store', deny('providers', 'ledger', 'haraka', 'cli')],
  ['lmtp', deny('pec', 'points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['antivirus', deny('providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['copies', deny('pec', 'points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['quarantine', deny('providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['timestamp', deny('pec', 'points', 'providers', 'directory', 'ledger', 'store', 'archive', 'haraka', 'cli')],
  ['archive', deny('providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['tokens', deny('pec', 'points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['clock', deny('pec', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['lab', deny('pec', 'points', 'providers', 'directory', 'ledger', 'store', 'haraka', 'cli')],
  ['retrieval', deny('directory', 'store', 'haraka', 'cli')],
  ['interoperability', deny('directory', 'store', 'haraka', 'cli')],
  ['backup', deny('providers', 'directory', 'store', 'haraka', 'cli')],
  ['growth', deny('providers', 'directory', 'store', 'haraka', 'cli')],
  ['account', deny('providers', 'ledger', 'store', 'haraka', 'cli')],
  ['statistics', deny('providers', 'directory', 'store', 'haraka', 'cli')],
  ['haraka', deny('doctor', 'cli')],
  ['doctor', deny('cli')],
]

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  ...layers.map(([folder, rules]) => ({ files: [`src/${folder}/**/*.ts`], rules })),
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'describe', 'it', 'suite'] }] },
      ],
    },
  },
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
)
