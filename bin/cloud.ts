#!/usr/bin/env node
import { Command } from 'commander';
import { deploy, emulatorEnvironment, type Outputs } from './cloud/deploy.ts';
import { answers, MiniStack } from './cloud/ministack.ts';
import { CommandFailed, cloudFolder as folder, NoEmulator } from './cloud/shell.ts';

/** Exit code when no emulator can be installed or started: EX_UNAVAILABLE of sysexits. */
const UNAVAILABLE = 69;

const program = new Command('cloud').description('The whole stack on an emulated AWS');

program
  .command('up', { isDefault: true })
  .description('start an emulator unless AWS_ENDPOINT_URL names one, and deploy every stack to it')
  .option('--verbose', 'show the output of CDK')
  .action(async ({ verbose = false }: { verbose?: boolean }) => {
    const endpoint = await findEndpoint();
    console.log(`deploying to ${endpoint} …`);
    const began = performance.now();
    const outputs = await deploy(endpoint, folder, (text) => void (verbose && process.stderr.write(text)));
    console.log(`deployed in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    console.log(summary(endpoint, outputs));
  });

program
  .command('stop')
  .description('end the emulator that `cloud up` started')
  .action(async () => {
    const stopped = await new MiniStack(folder).stop();
    console.log(stopped ? 'stopped' : 'nothing to stop: no emulator was started from here');
  });

async function findEndpoint(): Promise<string> {
  const given = process.env['AWS_ENDPOINT_URL'];
  if (given) {
    if (await answers(given)) return given.replace(/\/$/, '');
    throw new CommandFailed(
      `nothing answers at ${given}: start it, or unset AWS_ENDPOINT_URL, and this command starts an emulator`,
    );
  }
  const emulator = new MiniStack(folder);
  const running = await emulator.endpoint();
  if (running) return running;
  console.log('starting MiniStack (the first time, installing it) …');
  return emulator.start();
}

function summary(endpoint: string, outputs: Outputs): string {
  const lines = Object.entries(outputs).map(([name, value]) => `  ${name.padEnd(24)} ${value}`);
  const { ApiUrl = '' } = outputs;
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = emulatorEnvironment(endpoint);
  const signed = `--aws-sigv4 aws:amz:${AWS_REGION}:execute-api --user ${AWS_ACCESS_KEY_ID}:${AWS_SECRET_ACCESS_KEY}`;
  return [
    `endpoint  ${endpoint}`,
    ...lines,
    '',
    `try:  curl ${ApiUrl}health`,
    `      curl ${ApiUrl}agents ${signed}`,
    '      npm run test:cloud',
  ].join('\n');
}

program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof CommandFailed ? error.message : error);
  process.exitCode = error instanceof NoEmulator ? UNAVAILABLE : 1;
});
