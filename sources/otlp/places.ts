import { fitId } from '../names.ts';
import type { Place, SpanFacts } from './span-facts.ts';

/** An agent of a trace, as far as its spans tell it. */
export interface TraceAgent {
  readonly agentId: string;
  readonly name: string | undefined;
  readonly parentId?: string;
}

/** Where the spans of a trace belong. */
export interface Places {
  /** The place of the step of a span; undefined for spans without a step. */
  stepOf(spanId: string): Place | undefined;
  /** The agent that a span is the work of, once all spans around it are known; undefined before, and for other spans. */
  agentOf(spanId: string): TraceAgent | undefined;
}

/** The spans of agents around a span, and whether a span around it is still unknown. */
interface Surroundings {
  /** The outermost first. */
  readonly agents: readonly SpanFacts[];
  readonly complete: boolean;
}

/**
 * Where the spans of a trace belong, by all spans that are known:
 *
 * - The conversation is the agent: a span's own, else that of the outermost agent, else the first that a span of the trace
 *   names, else the trace.
 * - An agent of another name inside of an agent is an agent of its own, with that agent as its parent. The same name in the
 *   same conversation is the same agent.
 * - As long as a span around a step is unknown, the step belongs to the conversation. A parent in another process may never
 *   come, so nothing waits for it.
 * - The usage and the duration of a call of a model count once: not with a span around another call of a model, and not
 *   with a second span of the same answer.
 */
export function placesOf(traceId: string, spans: ReadonlyMap<string, SpanFacts>): Places {
  const surroundings = surroundingsIn(spans);
  const fallback = conversationIn(spans) ?? traceId;
  const agents = agentsIn(spans, surroundings, fallback);
  const uncounted = uncountedIn(spans);
  return {
    stepOf(spanId) {
      const facts = spans.get(spanId);
      if (facts?.role !== 'model' && facts?.role !== 'step') return undefined;
      const nearest = surroundings(facts).agents.at(-1);
      const agent = nearest && agents.get(nearest.spanId);
      const agentId = agent?.agentId ?? fitId(facts.conversation ?? fallback);
      return { agentId, counted: !uncounted.has(spanId) };
    },
    agentOf: (spanId) => agents.get(spanId),
  };
}

/** The agent of each agent's span whose surroundings are known. The earliest span of a name says whose work it is. */
function agentsIn(
  spans: ReadonlyMap<string, SpanFacts>,
  surroundings: (facts: SpanFacts) => Surroundings,
  fallback: string,
): ReadonlyMap<string, TraceAgent> {
  const agents = new Map<string, TraceAgent>();
  const mains = new Map<string, TraceAgent>();
  const others = new Map<string, TraceAgent>();
  const ofAgents = [...spans.values()].filter((facts) => facts.role === 'agent' && surroundings(facts).complete);
  const depth = (facts: SpanFacts) => surroundings(facts).agents.length;
  // Clocks differ and milliseconds are coarse, so an outer agent comes before an inner one whatever their times say.
  for (const facts of ofAgents.sort((a, b) => depth(a) - depth(b) || (isEarlier(a, b) ? -1 : 1))) {
    const { spanId, name } = facts;
    const around = surroundings(facts).agents;
    const conversation = around[0]?.conversation ?? fallback;
    const main = mains.get(conversation) ?? { agentId: fitId(conversation), name };
    mains.set(conversation, main);
    const outer = agents.get(around.at(-2)?.spanId ?? '') ?? main;
    const id = fitId(`${conversation}:${name}`);
    const isSame = name === undefined || name === outer.name;
    const agent = isSame ? outer : name === main.name ? main : others.get(id);
    const known = agent ?? { agentId: id, name, parentId: outer.agentId };
    if (!agent) others.set(id, known);
    agents.set(spanId, known);
  }
  return agents;
}

/** The surroundings of each span, itself included, each looked for once. */
function surroundingsIn(spans: ReadonlyMap<string, SpanFacts>): (facts: SpanFacts) => Surroundings {
  const found = new Map<string, Surroundings>();
  return (start) => {
    const path: SpanFacts[] = [];
    const seen = new Set<string>();
    let around: Surroundings = { agents: [], complete: true };
    for (let facts: SpanFacts | undefined = start; facts; ) {
      const known = found.get(facts.spanId);
      if (known || seen.has(facts.spanId)) {
        around = known ?? { agents: [], complete: false }; // a circle has no outermost span
        break;
      }
      seen.add(facts.spanId);
      path.push(facts);
      const { parentId, remoteParent }: SpanFacts = facts;
      const parent: SpanFacts | undefined = parentId === undefined ? undefined : spans.get(parentId);
      if (!parent) around = { agents: [], complete: parentId === undefined || remoteParent === true };
      facts = parent;
    }
    for (const facts of path.toReversed()) {
      if (facts.role === 'agent') around = { ...around, agents: [...around.agents, facts] };
      found.set(facts.spanId, around);
    }
    return around;
  };
}

const isEarlier = (a: SpanFacts, b: SpanFacts): boolean =>
  a.start === b.start ? a.spanId < b.spanId : a.start < b.start;

/** The conversation of the trace: that of the earliest span that names one, whichever arrives first. */
function conversationIn(spans: ReadonlyMap<string, SpanFacts>): string | undefined {
  let first: SpanFacts | undefined;
  for (const facts of spans.values()) {
    if (facts.conversation !== undefined && (!first || isEarlier(facts, first))) first = facts;
  }
  return first?.conversation;
}

/** The spans of models whose usage another span tells, too. */
function uncountedIn(spans: ReadonlyMap<string, SpanFacts>): ReadonlySet<string> {
  const uncounted = new Set<string>();
  const models = [...spans.values()].filter(({ role }) => role === 'model');
  for (const { parentId } of models) {
    const seen = new Set<string>();
    for (let id = parentId; id !== undefined && !seen.has(id); id = spans.get(id)?.parentId) {
      seen.add(id);
      if (spans.get(id)?.role !== 'model') continue;
      if (uncounted.has(id)) break; // what is around it was marked with it
      uncounted.add(id);
    }
  }
  const answers = new Map<string, SpanFacts>();
  for (const facts of models) {
    const { responseId, spanId } = facts;
    if (responseId === undefined || uncounted.has(spanId)) continue;
    const other = answers.get(responseId);
    if (other) uncounted.add(isEarlier(facts, other) ? other.spanId : spanId);
    if (!other || isEarlier(facts, other)) answers.set(responseId, facts);
  }
  return uncounted;
}
