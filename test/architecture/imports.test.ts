import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folders = [
  'adapters',
  'api',
  'bench',
  'bin',
  'client',
  'core',
  'domain',
  'entry',
  'events',
  'functions',
  'lib',
  'test',
  'testing',
];

interface Report {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: { readonly violations: readonly { from: string; to: string; rule: { name: string } }[] };
}

/** Runs the import checker over a tree; its report names the modules it saw. */
function check(tree: string, paths: readonly string[]): Report {
  const checker = join(root, 'node_modules/.bin/depcruise');
  const config = join(root, '.dependency-cruiser.mjs');
  const options = { cwd: tree, encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  const run = spawnSync(process.execPath, [checker, '--config', config, '--output-type', 'json', ...paths], options);
  if (!run.stdout) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

describe('imports', () => {
  it('point one way, and the checker saw every folder', () => {
    const { modules, summary } = check(root, folders);
    for (const folder of folders) {
      const own = modules.filter(({ source }) => source.startsWith(`${folder}/`));
      expect(own.length, `the checker saw no module of ${folder}/`).toBeGreaterThan(0);
    }
    expect(summary.violations).toEqual([]);
  });

  it('would be refused if they did not', () => {
    const tree = mkdtempSync(join(tmpdir(), 'annals-imports-'));
    try {
      symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
      writeFileSync(
        join(tree, 'tsconfig.json'),
        '{"compilerOptions":{"allowImportingTsExtensions":true,"noEmit":true}}',
      );
      const planted = {
        'core/base/a.ts': `import type { B } from '../../adapters/aws/b.ts';\nexport type A = B;\n`,
        'core/base/up.ts': `import '../store/e.ts';\n`,
        'core/store/e.ts': `import type { C } from '../../events/i.ts';\nexport const e = 1;\n`,
        'core/sagas/step-functions/k.ts': `import '../../../events/i.ts';\n`,
        'adapters/embedded/l.ts': `import '../../events/i.ts';\n`,
        'adapters/embedded/m.ts': `import { DatabaseSync } from 'node:sqlite';\nexport const m = DatabaseSync;\n`,
        'adapters/embedded/n.ts': `import type { DatabaseSync } from 'node:sqlite';\nexport type N = DatabaseSync;\n`,
        'events/i.ts': 'export type C = 1;\n',
        'core/state/up.ts': `import '../sagas/f.ts';\n`,
        'core/sagas/f.ts': 'export const f = 1;\n',
        'api/http/up.ts': `import '../../domain/g.ts';\n`,
        'domain/g.ts': `import '../api/views/h.ts';\n`,
        'api/views/h.ts': 'export const h = 1;\n',
        'adapters/aws/b.ts': `import 'aws-cdk-lib';\nimport '@aws-sdk/client-dynamodb';\nexport type B = 1;\n`,
        'adapters/embedded/j.ts': `import '../aws/b.ts';\nimport '@aws-sdk/client-dynamodb';\n`,
        'events/c.ts': `import './d.ts';\nexport const c = 1;\n`,
        'events/d.ts': `import './c.ts';\nexport const d = 1;\n`,
      };
      for (const [file, text] of Object.entries(planted)) {
        mkdirSync(join(tree, file, '..'), { recursive: true });
        writeFileSync(join(tree, file), text);
      }
      const broken = check(tree, ['core', 'adapters', 'api', 'domain', 'events']).summary.violations;
      expect(new Set(broken.map(({ rule, from }) => `${rule.name}: ${from}`))).toEqual(
        new Set([
          'core/base-imports: core/base/a.ts',
          'core/base-imports: core/base/up.ts',
          'core/store-imports: core/store/e.ts',
          'core/sagas-imports: core/sagas/step-functions/k.ts',
          'core/state-imports: core/state/up.ts',
          'api/http-imports: api/http/up.ts',
          'domain-imports: domain/g.ts',
          'adapters/embedded-imports: adapters/embedded/j.ts',
          'adapters/embedded-imports: adapters/embedded/l.ts',
          'sqlite-only-in-core-base-sqlite: adapters/embedded/m.ts',
          'aws-sdk-only-in-its-adapters: adapters/embedded/j.ts',
          'cdk-only-in-lib: adapters/aws/b.ts',
          'no-cycles: events/c.ts',
        ]),
      );
    } finally {
      rmSync(tree, { recursive: true });
    }
  });
});
