import * as z from 'zod';
import { amount } from '../../core/events/amount.ts';
import type { SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';
import type { Usage } from '../usage.ts';
import { faultOf, given, smallMembers } from './document-facts.ts';
import { documentForm, jsonValues } from './json-document.ts';
import { MiniSteps, miniMessage } from './mini-swe-agent-steps.ts';
import { RunRecorder } from './run-recorder.ts';

// Trajectories of mini-swe-agent 1.x and 2.x (SWE-agent/mini-swe-agent v2.4.6, docs/usage/output_files.md), and the bare
// lists of messages before them.

const text = z.string().nullish().catch(undefined);

const infoSchema = z.looseObject({
  exit_status: z.string().max(4096).nullish(),
  submission: text,
  mini_version: text,
  model_stats: z.looseObject({ instance_cost: amount.nullish(), api_calls: amount.nullish() }).nullish(),
  config: z.record(z.string(), z.unknown()).nullish().catch(undefined),
});
type Info = z.output<typeof infoSchema>;

/** A run of mini-swe-agent. */
export function miniSweAgentPart(file: SourceFile, agentId: string): SourcePart {
  return { name: file.path, checkFirst: true, events: () => miniEvents(file, agentId) };
}

async function* miniEvents(file: SourceFile, agentId: string): AsyncGenerator<SourceEvent> {
  const read = () => file.read();
  const form = await documentForm(read);
  if (form.kind !== 'array' && !form.members.has('messages')) {
    throw new SourceFault('', 'has no messages, so it is no run of mini-swe-agent');
  }
  const { info: toldInfo, ...more } = await smallMembers(read, form);
  const parsed = z.object({ info: infoSchema.nullish() }).safeParse({ info: toldInfo });
  if (!parsed.success) throw faultOf('', parsed.error);
  const info = parsed.data.info ?? {};
  const run = new RunRecorder(agentId);
  const steps = new MiniSteps();
  let number = 0;
  for await (const { value } of jsonValues(read, [form.kind === 'array' ? '$.*' : '$.messages.*'])) {
    const place = form.kind === 'array' ? `[${number}]` : `messages[${number}]`;
    const message = miniMessage.safeParse(value);
    if (!message.success) throw faultOf(place, message.error);
    number++;
    for (const step of steps.message(message.data, place)) {
      if (!run.recorder.isCreated) yield* begin(run, file, info, more, step.began);
      yield* run.step(step, submissionOf(info));
    }
  }
  if (!run.recorder.isCreated) yield* begin(run, file, info, more, undefined);
  yield* ending(run, steps, info, file);
}

function* ending(run: RunRecorder, steps: MiniSteps, info: Info, file: SourceFile): Generator<SourceEvent> {
  const exitStatus = info.exit_status ?? steps.exit?.exit_status ?? undefined;
  // Without an end, the last answer waits for what comes of it.
  if (exitStatus !== undefined || steps.isComplete) {
    for (const step of steps.end()) yield* run.step(step, submissionOf(info));
  }
  const { submission: _, ...kept } = info;
  yield* run.end({
    exitStatus,
    submission: submissionOf(info) ?? steps.exit?.submission ?? undefined,
    totals: totalsOf(info),
    at: steps.at ?? file.modifiedAt,
    kept: { info: kept, messages: steps.rest.length > 0 ? steps.rest : undefined },
  });
}

function* begin(
  run: RunRecorder,
  file: SourceFile,
  { config, mini_version: version }: Info,
  more: object,
  began: string | undefined,
): Generator<SourceEvent> {
  const model = (config?.['model'] as { model_name?: unknown } | undefined)?.model_name;
  const configuration = { importedFrom: file.path.split(/[\\/]/).at(-1), version, model };
  yield* run.begin(
    began ?? file.modifiedAt,
    { agentType: 'mini-swe-agent', configuration: given(configuration) as never },
    more,
  );
}

const submissionOf = ({ submission }: Info): string | undefined => submission ?? undefined;

function totalsOf({ model_stats: stats }: Info): Usage | undefined {
  const totals = given({ costUsd: stats?.instance_cost, apiCalls: stats?.api_calls });
  return Object.keys(totals).length > 0 ? totals : undefined;
}
