import * as z from 'zod/mini';
import type { DomainEvent } from '../core/events/catalogue.ts';
import type { Json, JsonObject } from '../core/events/json.ts';
import type { ScheduleAction, ScheduleTiming } from '../core/events/schedule.ts';
import type { AgentState } from '../events/agent.ts';

// The members of each answer that the client needs. Members of a newer server are accepted and dropped.

const version = z.int().check(z.positive());

/**
 * An event of the server. A newer server may send unknown types and members: the caller gets them unchanged. Known
 * types have the TypeScript type of this client's catalogue.
 */
const receivedEvent = z.looseObject({
  id: z.string(),
  type: z.string(),
  version,
  timestamp: z.string(),
  aggregateId: z.string(),
  aggregateType: z.string(),
  sequenceNumber: version,
  data: z.looseObject({}),
}) as unknown as z.ZodMiniType<DomainEvent>;

/** A state of the server. A newer server may have more states than the types of this client. */
const open = <State extends string>() => z.string() as unknown as z.ZodMiniType<State>;

const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodMiniType<JsonObject>;

export const appendAnswer = z.object({
  streamId: z.string(),
  fromVersion: version,
  toVersion: version,
  eventIds: z.array(z.string()),
  recordedAt: z.string(),
});
export type AppendAnswer = z.output<typeof appendAnswer>;

export const batchAnswer = z.object({
  results: z.array(
    z.union([
      z.extend(appendAnswer, { status: z.number() }),
      z.object({
        streamId: z.string(),
        status: z.number(),
        problem: z.object({
          code: z.string(),
          detail: z.string(),
          errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
          actualVersion: z.optional(z.number()),
        }),
      }),
    ]),
  ),
});
export type BatchAnswer = z.output<typeof batchAnswer>;

export const transactionAnswer = z.object({ transactionId: z.string(), results: z.array(appendAnswer) });
export type TransactionAnswer = z.output<typeof transactionAnswer>;

export const tagAnswer = z.object({
  tag: z.string(),
  version: z.int().check(z.nonnegative()),
  events: z.array(receivedEvent),
  caughtUp: z.boolean(),
});

export const streamAnswer = z.object({
  streamId: z.string(),
  version,
  events: z.array(receivedEvent),
  next: z.nullable(z.string()),
});

export const searchAnswer = z.object({
  streamId: z.string(),
  version,
  matches: z.array(
    z.object({
      streamId: z.string(),
      sequenceNumber: version,
      type: z.string(),
      timestamp: z.string(),
      path: z.string(),
      at: z.number(),
      excerpt: z.string(),
    }),
  ),
  searched: z.number(),
  next: z.nullable(z.string()),
});

export const logAnswer = z.object({ events: z.array(receivedEvent), next: z.string(), caughtUp: z.boolean() });

export const agentAnswer = z.object({ agentId: z.string(), version });

export const agentStateAnswer = z.extend(agentAnswer, { state: open<AgentState>() });

export const taskRequestedAnswer = z.object({ taskId: z.string(), sagaId: z.string() });

export const taskAnswer = z.object({ taskId: z.string(), version });

export const workflowAnswer = z.object({ workflowId: z.string(), version });

const sagaState = open<'STARTED' | 'COMPENSATING' | 'COMPLETED' | 'FAILED'>();

export const sagaAnswer = z.object({ sagaId: z.string(), state: sagaState, version });
export type SagaAnswer = z.output<typeof sagaAnswer>;

export const saga = z.extend(sagaAnswer, {
  sagaType: z.string(),
  reason: z.optional(z.string()),
  parked: z.optional(z.object({ step: z.string(), item: z.string(), reason: z.string() })),
  steps: z.array(
    z.object({
      step: z.string(),
      item: z.string(),
      state: open<'outstanding' | 'waiting' | 'completed' | 'failed' | 'compensated'>(),
      attempt: z.number(),
      deadline: z.string(),
      reason: z.optional(z.string()),
      approvalId: z.optional(z.string()),
      signal: z.optional(z.string()),
    }),
  ),
  history: z.array(receivedEvent),
});
const approvalState = open<'open' | 'approved' | 'refused' | 'expired' | 'withdrawn'>();
const approvalDecision = open<'approve' | 'refuse'>();

export const decisionAnswer = z.object({ approvalId: z.string(), state: approvalState, version });

export const approval = z.extend(decisionAnswer, {
  sagaId: z.string(),
  item: z.string(),
  by: z.string(),
  title: z.optional(z.string()),
  asks: z.optional(z.unknown() as unknown as z.ZodMiniType<Json>),
  until: z.optional(z.string()),
  otherwise: z.optional(approvalDecision),
  decision: z.optional(approvalDecision),
  who: z.optional(z.string()),
  why: z.optional(z.string()),
  createdAt: z.string(),
  lastUpdated: z.string(),
});
export type Approval = z.output<typeof approval>;
export const approvalsPage = z.object({ approvals: z.array(approval), next: z.nullable(z.string()) });

export const sagasPage = z.object({
  sagas: z.array(
    z.object({
      sagaId: z.string(),
      sagaType: z.string(),
      state: open<'STARTED' | 'COMPENSATING' | 'PARKED' | 'COMPLETED' | 'FAILED'>(),
      version,
      reason: z.optional(z.string()),
      parked: z.optional(z.object({ step: z.string(), item: z.string(), reason: z.string() })),
    }),
  ),
  next: z.nullable(z.string()),
});
export type SagasPage = z.output<typeof sagasPage>;

type ScheduleStateName = 'ACTIVE' | 'FAILED' | 'COMPLETED' | 'CANCELLED';

const scheduled = {
  scheduleId: z.string(),
  version,
  state: open<ScheduleStateName>(),
  nextDue: z.optional(z.string()),
};

export const scheduleAnswer = z.object(scheduled);

export const schedule = z.object({
  ...scheduled,
  timing: z.unknown() as unknown as z.ZodMiniType<ScheduleTiming>,
  action: z.unknown() as unknown as z.ZodMiniType<ScheduleAction>,
  runs: z.number(),
  failures: z.number(),
  lastRun: z.optional(
    z.object({
      dueAt: z.string(),
      run: z.number(),
      outcome: open<'RUNNING' | 'RAN' | 'FAILED'>(),
      lateMs: z.number(),
      missed: z.optional(z.boolean()),
      skipped: z.optional(z.number()),
      streamId: z.optional(z.string()),
      version: z.optional(z.number()),
      reason: z.optional(z.string()),
    }),
  ),
  reason: z.optional(z.string()),
  createdAt: z.string(),
  lastUpdated: z.string(),
});
/** A schedule: what it does and when, and its runs. */
export type Schedule = z.output<typeof schedule>;

export const schedulesPage = z.object({ schedules: z.array(schedule), next: z.nullable(z.string()) });
export type Saga = z.output<typeof saga>;

/** Any view: its version, and the members that its projection writes. */
export const anyView = z.looseObject({ version });

const view = z.object({ version, createdAt: z.string(), lastUpdated: z.string() });

export const agentView = z.extend(view, {
  agentId: z.string(),
  agentType: z.string(),
  state: open<AgentState>(),
  createdBy: z.string(),
  parentId: z.optional(z.string()),
  configuration: jsonObject,
  reason: z.optional(z.string()),
  steps: z.number(),
  stateChanges: z.number(),
  durationMs: z.number(),
  usage: z.record(z.string(), z.number()),
  waitingFor: z.optional(z.string()),
  until: z.optional(z.string()),
  stateSince: z.optional(z.string()),
  lastAction: z.optional(z.string()),
  lastActionAt: z.optional(z.string()),
  forkedFrom: z.optional(z.object({ agentId: z.string(), version })),
});
export type AgentView = z.output<typeof agentView>;

const budgetAmounts = z.object({
  usd: z.optional(z.number()),
  tokens: z.optional(z.number()),
  steps: z.optional(z.number()),
  minutes: z.optional(z.number()),
});
/** Limits of a budget, or what is spent of it; minutes of work are the sum of the durations of steps. */
export type BudgetAmounts = z.output<typeof budgetAmounts>;

export const taskView = z.extend(view, {
  taskId: z.string(),
  state: open<'requested' | 'completed' | 'failed'>(),
  requiredAgents: z.array(z.string()),
  agentType: z.optional(z.string()),
  priority: z.optional(z.number()),
  payload: z.optional(jsonObject),
  slots: z.optional(
    z.array(
      z.object({
        slot: z.string(),
        state: open<'requested' | 'waiting' | 'claimed' | 'completed' | 'failed' | 'released'>(),
        agentId: z.optional(z.string()),
        fencing: z.optional(z.number()),
        claimedAt: z.optional(z.string()),
      }),
    ),
  ),
  deadline: z.optional(z.string()),
  assignedAgents: z.array(z.string()),
  completedAgents: z.array(z.string()),
  failedAgents: z.array(z.string()),
  deadlineSeconds: z.number(),
  durationMs: z.number(),
  budget: z.optional(z.extend(budgetAmounts, { warnAt: z.optional(z.number()) })),
  error: z.optional(z.union([z.string(), jsonObject])),
});
export type TaskView = z.output<typeof taskView>;

const taskClaim = z.object({
  taskId: z.string(),
  slot: z.string(),
  agentId: z.string(),
  fencing: z.number(),
  until: z.string(),
  task: taskView,
});
export type TaskClaim = z.output<typeof taskClaim>;
export const claimsAnswer = z.object({ claims: z.array(taskClaim) });
export const heartbeatAnswer = z.object({ taskId: z.string(), until: z.string() });
export const releasedAnswer = z.object({ taskId: z.string() });

/** A request for a budget. `warnAt` is the share of a limit at which to warn, 0.8 by default. */
export interface BudgetRequest {
  readonly limits: BudgetAmounts;
  readonly warnAt?: number;
}
/** A request to raise limits of a budget. */
export interface BudgetRaise {
  readonly limits: BudgetAmounts;
  readonly by: string;
  readonly reason: string;
}

export const budgetAnswer = z.object({ budgetId: z.string(), limits: budgetAmounts, warnAt: z.number(), version });

export const budget = z.extend(view, {
  budgetId: z.string(),
  scope: open<'task' | 'agent-type' | 'tenant' | 'day'>(),
  name: z.string(),
  limits: budgetAmounts,
  warnAt: z.number(),
  spent: budgetAmounts,
  share: z.number(),
  state: open<'open' | 'warned' | 'spent'>(),
  raised: z.optional(z.object({ by: z.string(), reason: z.string(), at: z.string() })),
});
export type Budget = z.output<typeof budget>;

export const budgetsPage = z.object({ budgets: z.array(budget), next: z.nullable(z.string()) });

export const workflowView = z.extend(view, {
  workflowId: z.string(),
  workflowType: z.string(),
  state: open<'started' | 'running' | 'completed' | 'failed'>(),
  initiatedBy: z.string(),
  parameters: jsonObject,
  steps: z.number(),
  lastStepId: z.optional(z.string()),
  lastStepType: z.optional(z.string()),
  nextStep: z.optional(z.string()),
  assigned: z.optional(z.object({ stepId: z.string(), agentType: z.string(), attempt: z.number() })),
  error: z.optional(z.union([z.string(), jsonObject])),
});
export type WorkflowView = z.output<typeof workflowView>;

const next = z.nullable(z.string());
export const agentsPage = z.object({ agents: z.array(agentView), next });
export const tasksPage = z.object({ tasks: z.array(taskView), next });
export const workflowsPage = z.object({ workflows: z.array(workflowView), next });
export const streamsPage = z.object({
  streams: z.array(z.object({ streamId: z.string(), version: z.number() })),
  next,
});

export const replayRequested = z.object({ replayId: z.string() });
export const rebuildRequested = z.object({ rebuildId: z.string() });

export const verificationRequested = z.object({ verificationId: z.string() });
export const verification = z.object({
  verificationId: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  phase: z.string(),
  extent: z.object({
    pages: z.number(),
    streams: z.number(),
    commits: z.number(),
    events: z.number(),
    views: z.number(),
  }),
  total: z.number(),
  differences: z.array(z.object({ part: z.string(), place: z.string(), kind: z.string(), detail: z.string() })),
  verdict: z.optional(z.string()),
});

export const replay = z.object({
  replayId: z.string(),
  projection: z.string(),
  scope: z.object({
    from: z.optional(z.string()),
    to: z.optional(z.string()),
    types: z.optional(z.array(z.string())),
  }),
  whole: z.boolean(),
  state: open<'requested' | 'running' | 'paused' | 'ready' | 'switched' | 'failed' | 'discarded'>(),
  generation: z.nullable(z.number()),
  progress: z.number(),
  events: z.number(),
  total: z.number(),
  failed: z.number(),
  failures: z.array(z.object({ stream: z.string(), message: z.string() })),
  reason: z.optional(z.string()),
  requestedAt: z.string(),
  finishedAt: z.optional(z.string()),
});
export type Replay = z.output<typeof replay>;
export const pastProjection = z.object({
  projection: z.string(),
  at: z.string(),
  views: z.array(z.object({ key: z.string(), version: z.number(), view: jsonObject })),
  next: z.nullable(z.string()),
});
export type PastProjection = z.output<typeof pastProjection>;

export const forkAnswer = z.object({
  agentId: z.string(),
  parentId: z.string(),
  atVersion: version,
  version,
  run: z.optional(z.object({ taskId: z.string(), sagaId: z.string() })),
});
export type ForkAnswer = z.output<typeof forkAnswer>;

const place = z.object({ agentId: z.string(), version });

const diffSide = z.nullable(
  z.extend(place, {
    durationMs: z.optional(z.number()),
    usage: z.optional(z.record(z.string(), z.number())),
    event: z.optional(receivedEvent),
  }),
);

const diffPart = z.object({
  in: open<'both' | 'left' | 'right'>(),
  text: z.string(),
  omitted: z.optional(z.number()),
});

const diffStep = z.object({
  step: z.number(),
  kind: open<'same' | 'changed' | 'added' | 'removed'>(),
  action: z.string(),
  left: diffSide,
  right: diffSide,
  changes: z.optional(
    z.array(
      z.object({
        member: z.string(),
        text: z.optional(z.array(diffPart)),
        left: z.optional(z.unknown()),
        right: z.optional(z.unknown()),
      }),
    ),
  ),
});
export type AgentsDiffStep = z.output<typeof diffStep>;

const runTotals = z.object({ steps: z.number(), durationMs: z.number(), usage: z.record(z.string(), z.number()) });

export const agentsDiff = z.object({
  agentId: z.string(),
  with: z.string(),
  common: z.nullable(place),
  equal: z.boolean(),
  aligned: z.boolean(),
  counts: z.object({ same: z.number(), changed: z.number(), added: z.number(), removed: z.number() }),
  totals: z.object({ left: runTotals, right: runTotals }),
  first: z.nullable(z.object({ step: z.number(), left: z.nullable(place), right: z.nullable(place) })),
  steps: z.array(diffStep),
  next: z.nullable(z.string()),
});
export type AgentsDiff = z.output<typeof agentsDiff>;

export const failedBatches = z.object({
  failedBatches: z.array(z.object({ batchId: z.string(), failedAt: z.string(), bytes: z.number() })),
  next: z.nullable(z.string()),
});

export const redrivenBatches = z.object({
  results: z.array(
    z.object({
      ...{ batchId: z.string(), outcome: z.string(), consumers: z.array(z.string()) },
      ...{ records: z.number(), reason: z.optional(z.string()) },
    }),
  ),
  more: z.boolean(),
});

const settings = {
  name: z.string(),
  filter: z.record(z.string(), z.unknown()),
  order: z.string(),
  maxRetries: z.number(),
  ackWithinSeconds: z.number(),
  shards: z.number(),
};
const count = z.number();

export const subscription = z.object({
  ...settings,
  position: z.nullable(z.string()),
  lag: z.object({ events: count, more: z.boolean() }),
  inFlight: count,
  waiting: count,
  parked: count,
});
export type Subscription = z.output<typeof subscription>;

export const subscriptionsPage = z.object({
  subscriptions: z.array(z.object(settings)),
  next: z.nullable(z.string()),
});

export const deliveries = z.object({
  deliveries: z.array(z.object({ token: z.string(), attempt: count, until: z.string(), event: receivedEvent })),
});

export const settled = z.object({ settled: count, refused: z.array(z.string()) });
export type SettledAnswer = z.output<typeof settled>;

export const parkedPage = z.object({
  parked: z.array(
    z.object({
      ...{ id: z.string(), stream: z.string(), sequenceNumber: version },
      ...{ error: z.string(), failures: count, since: z.string() },
    }),
  ),
  next: z.nullable(z.string()),
});

export const redrivenParked = z.object({ redriven: z.array(z.string()), more: z.boolean() });
export const skippedParked = z.object({ skipped: z.boolean() });
export const removedSubscription = z.object({ removed: z.boolean() });
