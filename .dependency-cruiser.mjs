/** Imports point one way; see "Layout" in CONTRIBUTING.md. */
const folders = ['adapters', 'api', 'bin', 'client', 'core', 'domain', 'events', 'functions', 'lib'];

/** What each folder may import besides itself and packages. */
const allowed = {
  events: [],
  core: ['events'],
  domain: ['core', 'events'],
  adapters: ['core', 'events'],
  api: ['domain', 'core', 'events'],
  client: ['api', 'events'],
  functions: ['adapters', 'api', 'domain', 'core', 'events'],
  lib: ['functions/environment\\.ts', 'core/configuration\\.ts'],
  bin: ['functions/environment\\.ts', 'lib', 'adapters', 'api', 'client', 'domain', 'core', 'events'],
};

const directions = Object.entries(allowed).map(([folder, others]) => ({
  name: `${folder}-imports`,
  comment: `${folder} imports nothing but ${[folder, ...others].join(', ')} and packages`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: `^(${folders.join('|')})/`, pathNot: `^(${[folder, ...others].join('|')})(/|$)` },
}));

export default {
  forbidden: [
    ...directions,
    {
      name: 'aws-sdk-only-in-its-adapters',
      severity: 'error',
      from: { pathNot: '^(adapters/aws|test|bench)/' },
      to: { path: '(^|/)node_modules/@aws-sdk/' },
    },
    {
      name: 'cdk-only-in-lib',
      severity: 'error',
      from: { pathNot: '^(lib/|test/infra/|bin/app\\.ts)' },
      to: { path: '(^|/)node_modules/(aws-cdk-lib|cdk-nag|constructs)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
