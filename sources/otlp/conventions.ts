import type { JsonObject } from '../../core/events/json.ts';
import { chatAction, toolAction } from '../steps.ts';
import { type Usage, usageOfGenAi, usageOfOpenInference } from '../usage.ts';
import { type Attributes, textIn } from './attributes.ts';
import { answerOf, asText } from './texts.ts';
import type { Step, ToldSpan } from './told-span.ts';

/**
 * What a span is for Annals. `agent`: an agent or a workflow at work. `model`: a call of a model. `step`: any other work
 * of an agent. `plain`: a span of the program around them, which only connects other spans.
 */
export type Role = 'agent' | 'model' | 'step' | 'plain';

/** Operations of the GenAI conventions (open-telemetry/semantic-conventions-genai v0.1.0); all others are steps. */
const OPERATIONS: Readonly<Record<string, Role>> = {
  chat: 'model',
  generate_content: 'model',
  text_completion: 'model',
  invoke_agent: 'agent',
  invoke_workflow: 'agent',
};

/** `openinference.span.kind` (Arize-ai/openinference, semantic_conventions.md); all others are steps. */
const OPEN_INFERENCE: Readonly<Record<string, Role>> = { LLM: 'model', AGENT: 'agent' };

/** `traceloop.span.kind` (traceloop/openllmetry v0.62.1). Calls of models have none. */
const TRACELOOP: Readonly<Record<string, Role>> = {
  workflow: 'agent',
  agent: 'agent',
  task: 'step',
  tool: 'step',
};

/** Attributes that only spans of models have, in conventions that do not name the operation. */
const OF_A_MODEL = ['llm.request.type', 'gen_ai.request.model', 'gen_ai.response.model', 'gen_ai.system'];

/**
 * The role of a span. Spans that carry two vocabularies are read by GenAI first, then OpenInference, then Traceloop.
 *
 * Claude Code and Codex tell the same calls in logs and in spans. Only their logs are read: they are sent by default, and
 * only they have the cost of Claude Code and the tokens of Codex. So no call is counted twice, and nothing waits.
 */
export function roleOf({ attributes, resource, parentId }: ToldSpan): Role {
  if (tellsByLogs(resource)) return 'plain';
  const operation = textIn(attributes, 'gen_ai.operation.name');
  if (operation !== undefined) return member(OPERATIONS, operation) ?? 'step';
  const openInference = textIn(attributes, 'openinference.span.kind')?.toUpperCase();
  // The whole of a run is a chain in LangChain and LangGraph.
  if (openInference === 'CHAIN' && parentId === undefined) return 'agent';
  // A chain that tells no result only groups others, such as the turns of OpenAI Agents.
  if (openInference === 'CHAIN' && textIn(attributes, 'output.value') === undefined) return 'plain';
  if (openInference !== undefined) return member(OPEN_INFERENCE, openInference) ?? 'step';
  const traceloop = textIn(attributes, 'traceloop.span.kind');
  if (traceloop !== undefined) return member(TRACELOOP, traceloop) ?? 'plain';
  return textIn(attributes, ...OF_A_MODEL) === undefined ? 'plain' : 'model';
}

const member = (roles: Readonly<Record<string, Role>>, name: string): Role | undefined =>
  Object.hasOwn(roles, name) ? roles[name] : undefined;

/** Whether a program tells its calls of models by logs. */
export const tellsByLogs = (resource: Attributes): boolean =>
  /^(claude-code|codex)/i.test(textIn(resource, 'service.name') ?? '');

/** The name of the agent of an agent's span; undefined for workflows and other spans that name none. */
export function agentNameOf({ attributes, name }: ToldSpan): string | undefined {
  const given = textIn(attributes, 'gen_ai.agent.name', 'agent.name', 'gen_ai.workflow.name', 'traceloop.entity.name');
  const isOpenInference = textIn(attributes, 'openinference.span.kind') !== undefined;
  return (given ?? (isOpenInference ? name : undefined))?.toWellFormed().slice(0, 128) || undefined;
}

/** The agent that a step says it is of. */
export const nearbyAgentOf = (attributes: Attributes): string | undefined =>
  textIn(attributes, 'gen_ai.agent.name', 'agent.name')?.toWellFormed().slice(0, 128);

/** The id of the conversation that a span names. The user's own ids are often the only ones that Traceloop has. */
export const conversationOf = (attributes: Attributes): string | undefined =>
  textIn(
    attributes,
    'gen_ai.conversation.id',
    'session.id',
    'traceloop.association.properties.conversation_id',
    'traceloop.association.properties.session_id',
    'traceloop.association.properties.thread_id',
    'traceloop.association.properties.chat_id',
  )
    ?.toWellFormed()
    .slice(0, 1024);

/** The step of a span, if it is one. */
export function stepOf(span: ToldSpan, role: Role): Step | undefined {
  if (role !== 'model' && role !== 'step') return undefined;
  const { attributes, durationMs, error } = span;
  if (role === 'model') {
    const model = textIn(attributes, 'gen_ai.request.model', 'llm.model_name', 'gen_ai.response.model');
    const usage = usageOfModel(attributes);
    return stepWith({ action: chatAction(model), thought: answerOf(span), observation: error, durationMs, usage });
  }
  const observation = error ?? asText(textIn(attributes, 'output.value', 'traceloop.entity.output'));
  // Steps that are made of other steps have no duration: theirs would count twice.
  if (isGroup(attributes)) return stepWith({ action: otherAction(span), observation });
  if (!isTool(attributes)) return stepWith({ action: otherAction(span), observation, durationMs });
  const name = textIn(attributes, 'gen_ai.tool.name', 'tool.name', 'traceloop.entity.name') ?? span.name;
  const given = attributes['gen_ai.tool.call.arguments'] ?? textIn(attributes, 'input.value', 'traceloop.entity.input');
  const result = error ?? asText(attributes['gen_ai.tool.call.result']) ?? observation;
  return stepWith({ action: asText(toolAction(name, given)), observation: result, durationMs });
}

const isGroup = (attributes: Attributes): boolean =>
  attributes['openinference.span.kind'] === 'CHAIN' || attributes['traceloop.span.kind'] === 'task';

const isTool = (attributes: Attributes): boolean =>
  attributes['gen_ai.operation.name'] === 'execute_tool' ||
  attributes['openinference.span.kind'] === 'TOOL' ||
  attributes['traceloop.span.kind'] === 'tool';

function otherAction({ attributes, name }: ToldSpan): string | undefined {
  return asText(textIn(attributes, 'gen_ai.operation.name', 'traceloop.entity.name') ?? name);
}

function usageOfModel(attributes: Attributes): Usage | undefined {
  const [genAi, openInference] = [usageOfGenAi(attributes), usageOfOpenInference(attributes)];
  return genAi && openInference ? { ...openInference, ...genAi } : (genAi ?? openInference);
}

/** The step of these members, without those that are absent. */
export function stepWith(members: { readonly [Name in keyof Step]?: Step[Name] | undefined }): Step {
  const known = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
  return { action: 'unknown', ...known };
}

/** What is known of an agent from a span: its program, provider and model. */
export function configurationOf(attributes: Attributes, resource: Attributes): JsonObject {
  const known = {
    service: textIn(resource, 'service.name'),
    serviceVersion: textIn(resource, 'service.version'),
    agentVersion: textIn(attributes, 'gen_ai.agent.version'),
    provider: textIn(attributes, 'gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'llm.system'),
    model: textIn(attributes, 'gen_ai.request.model', 'llm.model_name', 'gen_ai.response.model'),
  };
  const told = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(told.map(([name, value]) => [name, value.toWellFormed()]));
}
