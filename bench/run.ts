import { readdirSync } from 'node:fs';

// `npm run bench -- <name>` runs a script of this folder, as `node bench/<name>.ts` does.

const [name] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
  .map((file) => file.replace(/\.ts$/, ''));

if (name !== undefined && names.includes(name)) await import(`./${name}.ts`);
else {
  console.error(`${name === undefined ? '' : `there is no benchmark ${name}. `}npm run bench -- ${names.join(' | ')}`);
  process.exitCode = 1;
}
