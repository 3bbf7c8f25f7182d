import { rooms } from './rooms.mjs';

/** Imports point one way; `rooms.mjs` says which. */
const names = Object.keys(rooms);
const escaped = (path) => path.replaceAll('.', '\\.');
const inside = (place) => `^${escaped(place)}${place.endsWith('.ts') ? '$' : '/'}`;
/** Places that are rooms inside another room: what the outer rule says does not hold for them. */
const innerRooms = (room) => names.filter((name) => name.startsWith(`${room}/`)).map(inside);
const anyRoom = `^(${[...new Set(names.map((name) => name.split('/')[0]))].join('|')})/`;

const directions = names.map((room) => {
  const allowed = [room, ...rooms[room].may];
  const inner = innerRooms(room);
  return {
    name: `${room}-imports`,
    comment: `${room} imports nothing but ${allowed.join(', ')} and packages`,
    severity: 'error',
    from: inner.length > 0 ? { path: inside(room), pathNot: inner } : { path: inside(room) },
    to: { path: anyRoom, pathNot: allowed.map(inside) },
  };
});

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
      from: { pathNot: '^(lib/|test/infra/|test/packages/consumers/|bin/(app|lint-templates)\\.ts)' },
      to: { path: '(^|/)node_modules/(aws-cdk-lib|cdk-nag|constructs)/' },
    },
    {
      name: 'sqlite-only-in-core-base-sqlite',
      severity: 'error',
      from: { pathNot: '^(core/base/sqlite\\.ts|test/|bench/)' },
      to: { path: '^(node:)?sqlite$', dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    // The programs of users import the package as users have it.
    {
      name: 'resolvable',
      severity: 'error',
      from: { pathNot: '^test/packages/consumers/' },
      to: { couldNotResolve: true },
    },
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
