import { randomOf } from './random.ts';

/** An agent as it must appear, computed while its run is made up, apart from the receiver. */
export interface Truth {
  agentType: string;
  parentId?: string;
  state: 'running' | 'stopped' | 'failed';
  steps: number;
  durationMs: number;
  usage: Record<string, number>;
  lastAction?: string;
}

/** Telemetry of a conversation: spans and log records in the JSON of OTLP, and the truth about its agents. */
export interface TelemetryRun {
  readonly spans: readonly object[];
  readonly logs: readonly object[];
  readonly truth: ReadonlyMap<string, Truth>;
}

/** The agents that an agent calls, by their names. An agent may call itself, and the main agent again. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  planner: ['critic', 'coder', 'planner'],
  coder: ['tester', 'coder', 'planner'],
  critic: ['critic'],
  tester: ['planner'],
};
const MAIN = 'planner';

const attribute = (key: string, value: string | number) => ({
  key,
  value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
});

/** A made-up conversation of one or two traces with nested agents, and the logs of a session of Claude Code. */
export function telemetryRun(seed: number): TelemetryRun {
  const random = randomOf(seed);
  const spans: object[] = [];
  const logs: object[] = [];
  const truth = new Map<string, Truth>();
  const latest = new Map<string, { step: number; end: number }>();
  let now = 1_795_831_058_390;
  let spanCount = 0;
  const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0');

  function agent(agentId: string, agentType: string, parentId?: string): Truth {
    const known = truth.get(agentId);
    if (known && agentType === MAIN) known.agentType = MAIN; // in an earlier trace nothing named it
    if (known) return known;
    const created: Truth = { agentType, state: 'running', steps: 0, durationMs: 0, usage: {} };
    truth.set(agentId, parentId === undefined ? created : { ...created, parentId });
    latest.set(agentId, { step: 0, end: 0 });
    return truth.get(agentId) as Truth;
  }

  function step(agentId: string, action: string, durationMs: number, end: number, usage: Record<string, number> = {}) {
    const { [agentId]: of } = Object.fromEntries(truth);
    const last = latest.get(agentId);
    if (!of || !last) throw new Error(`no agent ${agentId}`);
    of.steps += 1;
    of.durationMs += durationMs;
    for (const [name, amount] of Object.entries(usage)) of.usage[name] = (of.usage[name] ?? 0) + amount;
    if (end > last.step) {
      last.step = end;
      of.lastAction = action;
    }
  }

  function trace(traceId: string, conversation: string | undefined): void {
    const main = conversation ?? traceId;
    const isNamedByAll = random.percent(30);
    const first = spanCount + 1;

    /** Makes a span up around work. Every start and every end has a millisecond of its own. */
    function span(
      parent: string | undefined,
      attributes: readonly object[],
      work: (spanId: string) => void,
      error?: string,
    ): { readonly end: number; readonly durationMs: number } {
      spanCount += 1;
      const isFirst = spanCount === first;
      const spanId = hex(spanCount, 16);
      const start = ++now;
      work(spanId);
      const end = ++now;
      const isNamed = isNamedByAll || isFirst || (parent === undefined && random.percent(50));
      const named = conversation !== undefined && isNamed;
      spans.push({
        traceId,
        spanId,
        ...(parent !== undefined && { parentSpanId: parent }),
        name: 'work',
        startTimeUnixNano: `${start}000000`,
        endTimeUnixNano: `${end}000000`,
        attributes: [...attributes, ...(named ? [attribute('gen_ai.conversation.id', conversation)] : [])],
        ...(error !== undefined && { status: { code: 2, message: error } }),
      });
      return { end, durationMs: end - start };
    }

    const operation = (name: string) => attribute('gen_ai.operation.name', name);

    function chat(parent: string | undefined, agentId: string): void {
      const usage = { inputTokens: random.between(1, 900), outputTokens: random.between(1, 90) };
      const model = `m-${random.between(1, 3)}`;
      const attributes = [
        operation('chat'),
        attribute('gen_ai.request.model', model),
        attribute('gen_ai.usage.input_tokens', usage.inputTokens),
        attribute('gen_ai.usage.output_tokens', usage.outputTokens),
      ];
      const isToldTwice = random.percent(20);
      let inner: { end: number; durationMs: number } | undefined;
      const outer = span(parent, attributes, (spanId) => {
        if (isToldTwice) inner = span(spanId, attributes, () => {});
      });
      // A call that two spans tell counts with the inner one.
      step(agentId, `chat ${model}`, inner ? 0 : outer.durationMs, outer.end, inner ? {} : usage);
      if (inner) step(agentId, `chat ${model}`, inner.durationMs, inner.end, usage);
    }

    function tool(parent: string, agentId: string): void {
      const name = `tool-${random.between(1, 9)}`;
      const attributes = [operation('execute_tool'), attribute('gen_ai.tool.name', name)];
      const { end, durationMs } = span(parent, attributes, () => {}, random.percent(20) ? 'no' : undefined);
      step(agentId, name, durationMs, end);
    }

    function worker(parent: string | undefined, name: string, around: string | undefined, depth: number): void {
      const agentId = name === MAIN ? main : `${main}:${name}`;
      agent(agentId, name, around === undefined || agentId === main ? undefined : around);
      const failed = random.percent(25) ? `gave up ${spanCount}` : undefined;
      const attributes = [
        operation('invoke_agent'),
        attribute('gen_ai.agent.name', name),
        attribute('gen_ai.usage.input_tokens', 9_999),
      ];
      const { end } = span(parent, attributes, (spanId) => work(spanId, name, agentId, depth), failed);
      const [of, last] = [truth.get(agentId), latest.get(agentId)];
      if (of && last && end > last.end) {
        last.end = end;
        of.state = failed === undefined ? 'stopped' : 'failed';
      }
    }

    function work(spanId: string, name: string, agentId: string, depth: number): void {
      for (let left = random.between(depth === 0 ? 1 : 0, 4); left > 0; left -= 1) {
        const kind = random.between(1, 10);
        if (kind <= 4) chat(spanId, agentId);
        else if (kind <= 6) tool(spanId, agentId);
        else if (kind <= 8 && depth < 3) span(spanId, [], (inner) => work(inner, name, agentId, depth + 1));
        else if (depth < 3) {
          const called = CALLS[name] ?? [];
          worker(spanId, called[random.between(0, called.length - 1)] ?? MAIN, agentId, depth + 1);
        }
      }
    }

    if (random.percent(80)) {
      worker(undefined, MAIN, undefined, 0);
      return;
    }
    // A program without agents: calls of models, of which not all name the conversation.
    agent(main, 'shop');
    for (let left = random.between(1, 5); left > 0; left -= 1) chat(undefined, main);
  }

  const conversation = random.percent(70) ? `c-${seed}` : undefined;
  const traces = conversation === undefined ? 1 : random.between(1, 2);
  for (let number = 1; number <= traces; number += 1) trace(hex(seed * 10 + number, 32), conversation);

  const session = `s-${seed}`;
  for (let number = random.between(0, 4); number > 0; number -= 1) {
    agent(session, 'claude-code');
    const [end, input, durationMs] = [++now, random.between(1, 900), random.between(1, 99)];
    const told = { 'event.name': 'api_request', 'session.id': session, request_id: `req_${now}`, model: 'm-1' };
    const amounts = { input_tokens: input, duration_ms: durationMs };
    logs.push({
      timeUnixNano: `${end}000000`,
      body: { stringValue: 'claude_code.api_request' },
      attributes: Object.entries({ ...told, ...amounts }).map(([key, value]) => attribute(key, value)),
    });
    step(session, 'chat m-1', durationMs, end, { inputTokens: input });
  }
  for (const [agentId, { steps }] of truth) {
    if (steps === 0 && truth.get(agentId)?.state === 'running') truth.delete(agentId);
  }
  return { spans, logs, truth };
}
