import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { amount, MAX_AMOUNT } from '../../core/events/amount.ts';
import { environments, functionNames } from '../../functions/environment.ts';
import { bundleFunctions } from '../../lib/shared/bundle.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const bundles = bundleFunctions(temporaryFolder());

/** Runs before a function is loaded. Every call that needs the tables of ICU fails; they take 9 ms to load. */
const WITHOUT_TABLES = `
  const fail = () => { throw new Error('a function loads the tables of ICU at its start'); };
  for (const { prototype } of [Number, BigInt, Date, Array]) prototype.toLocaleString = fail;
  for (const name of ['toLocaleDateString', 'toLocaleTimeString']) Date.prototype[name] = fail;
  for (const name of ['localeCompare', 'toLocaleLowerCase', 'toLocaleUpperCase']) String.prototype[name] = fail;
  for (const name of Object.getOwnPropertyNames(Intl)) if (typeof Intl[name] === 'function') Intl[name] = fail;
`;

describe('the start of a function', () => {
  it.each(functionNames)('%s loads no tables of ICU', (name) => {
    const url = pathToFileURL(join(bundles[name].directory, 'index.mjs')).href;
    const script = `${WITHOUT_TABLES} const { handler } = await import('${url}'); console.log(typeof handler);`;
    const names = Object.keys(environments[name].shape);
    const env = {
      ...Object.fromEntries(names.map((variable) => [variable, 'name'])),
      ANNALS_CONFIG: JSON.stringify(configureEventSystem({})),
      AWS_REGION: 'eu-central-1',
    };
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' });
    expect(printed.trim()).toBe('function');
  });

  it('needs no tables for the text of the largest amount', () => {
    expect(amount.safeParse(-1).error?.issues[0]?.message).toContain(MAX_AMOUNT.toLocaleString('en'));
  });
});
