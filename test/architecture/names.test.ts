import { globSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** The names that a file declares and exports. */
function exportedBy(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText(source));
    }
    const { name } = statement as ts.DeclarationStatement;
    return name ? [name.getText(source)] : [];
  });
}

it('core exports no name twice: one name, one meaning', () => {
  const files = globSync('core/**/*.ts');
  const homes = new Map<string, string[]>();
  for (const file of files) {
    for (const name of exportedBy(file)) homes.set(name, [...(homes.get(name) ?? []), file]);
  }
  expect(homes.size).toBeGreaterThan(200);
  expect([...homes].filter(([, declared]) => declared.length > 1)).toEqual([]);
});

/** The messages that a file writes to the log. */
function loggedBy(file: string): string[] {
  const calls = readFileSync(file, 'utf8').matchAll(/logger\.(?:info|warn|error)\(\s*'([^']+)'/gi);
  return [...calls].map(([, message = '']) => message);
}

it('a log line has one wording on every host', () => {
  const files = globSync('{core,adapters,functions,bin}/**/*.ts');
  const messages = files.flatMap(loggedBy);
  expect(messages.length).toBeGreaterThan(10);
  expect(messages.filter((message, index) => messages.indexOf(message) !== index)).toEqual([]);
});

/** Words of the application. The calls of Step Functions have a member `task`, which deployed state machines send. */
const WORDS = /agent|task|workflow/i;

it('core is free of the domain: no file of it names an agent, a task or a workflow', () => {
  const files = globSync('core/**/*.ts').filter((file) => file !== 'core/sagas/step-functions/requests.ts');
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => WORDS.test(readFileSync(file, 'utf8')))).toEqual([]);
});
