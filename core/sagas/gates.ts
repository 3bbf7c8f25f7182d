import type * as z from 'zod';
import type { EventData } from '../events/catalogue.ts';
import type { Json } from '../events/json.ts';
import { approvalDecider, approvalIdOf } from './approvals.ts';
import { secondsOf, type Within } from './durations.ts';
import { commandOf, type ItemContext, type SagaAnswer, type SagaContext, type SagaStep } from './saga.ts';

/** What a step asks a person for. */
export interface ApprovalTerms {
  /** The group, role or person that decides; a name, which nobody checks. */
  readonly by: string;
  /** What is to be approved, in words. */
  readonly title: string;
  /** The facts that the decision needs. */
  readonly asks?: Json | undefined;
  /** What counts when nobody decides in time: `fail`, the default, or `approve`. */
  readonly otherwise?: 'fail' | 'approve' | undefined;
}

/** The members of a step whose items, or some of them, wait for the decision of a person. */
export type ApprovalParts<Input> = Pick<SagaStep<Input>, 'command' | 'compensation'> &
  Required<Pick<SagaStep<Input>, 'overdue' | 'approval'>>;

/** What a step does for an item that waits for a person. The answer is the decision, or the end of the time. */
export function approvalParts<Input>(terms: (context: ItemContext<Input>) => ApprovalTerms): ApprovalParts<Input> {
  const about = (context: ItemContext<Input>) => {
    const { sagaId, item, deadline: until } = context;
    const { by, title, asks, otherwise } = terms(context);
    const decision = otherwise === 'approve' ? ('approve' as const) : ('refuse' as const);
    const request = { sagaId, item, by, title, until, otherwise: decision, ...(asks === undefined ? {} : { asks }) };
    return { id: approvalIdOf(sagaId, item), request };
  };
  const send = (context: ItemContext<Input>, kind: 'request' | 'expire') => {
    const { id, request } = about(context);
    return commandOf(approvalDecider, id, { kind, ...request });
  };
  return {
    approval: approvalIdOf,
    command: (context) => send(context, 'request'),
    overdue: (context) => send(context, 'expire'),
    compensation: (context) => {
      const { id, request } = about(context);
      return commandOf(approvalDecider, id, { kind: 'withdraw', ...request, reason: context.reason });
    },
  };
}

/** How the end of an approval answers the item that waits for it. The event names its saga. */
export const approvalAnswers: {
  readonly [Type in 'approval.decided' | 'approval.expired']: SagaAnswer<Type>;
} = {
  'approval.decided': {
    item: ({ item }) => item,
    fails: ({ decision, who, why }) => (decision === 'refuse' ? `refused by ${who}: ${why}` : undefined),
    output: ({ decision, who, why }) => ({ decision, who, why }),
  },
  'approval.expired': {
    item: ({ item }) => item,
    fails: ({ decision, by, until }: EventData<'approval.expired'>) =>
      decision === 'refuse' ? `nobody decided for ${by} by ${until}` : undefined,
    output: ({ decision }) => ({ decision, expired: true }),
  },
};

/** No further attempts: a person or another system is asked once. */
const ONCE = { limit: 0, delaySeconds: 0, maxDelaySeconds: 0 };

/** The declaration of {@link approve}. */
export interface ApprovalStep<Input> {
  /** The name of the step, and of its item; `approve` by default. */
  readonly name?: string;
  /** The group, role or person that decides. */
  readonly by: string | ((context: SagaContext<Input>) => string);
  /** The time to decide, such as `24h`; from a second to 364 days. */
  readonly within: Within;
  /** What counts when nobody decides in time: `fail`, the default, undoes the saga; `approve` lets it go on. */
  readonly otherwise?: 'fail' | 'approve';
  /** What is to be approved, in words. */
  readonly title?: string;
  /** The facts that the decision needs. */
  readonly asks?: (context: SagaContext<Input>) => Json;
}

/**
 * A step that waits until a person approves, by `POST /approvals/{id}`. A refusal fails the saga, which undoes its steps. The
 * output of the item is `{ decision, who, why }`, or `{ decision, expired }` after the end of the time.
 * The compiler knows the saga's input only where the functions name it: `({ input }: SagaContext<Order>) => ...`.
 * @throws Error when `within` is no time
 */
export function approve<Input>(declaration: ApprovalStep<Input>): SagaStep<Input> {
  const { name = 'approve', by, within, otherwise = 'fail', asks } = declaration;
  const approver = (context: SagaContext<Input>) => (typeof by === 'string' ? by : by(context));
  const title = declaration.title ?? `wait until ${typeof by === 'string' ? by : 'somebody'} approves`;
  const seconds = secondsOf(within);
  return {
    name,
    title,
    kind: 'parallel',
    items: () => [name],
    ...approvalParts<Input>((context) => ({ by: approver(context), title, otherwise, asks: asks?.(context) })),
    deadlineSeconds: () => seconds,
    retries: ONCE,
  };
}

/** The declaration of {@link signal}. */
export interface SignalStep {
  /** The time until the signal has to come, such as `7d`; from a second to 364 days. */
  readonly within: Within;
  /** The payload; any JSON when absent. */
  readonly schema?: z.ZodType;
  /** What the saga waits for, in words. */
  readonly title?: string;
}

/**
 * A step that waits for `POST /sagas/{id}/signals/{name}`. The payload is the output of the item, which has the name of the
 * signal, as has the step. A signal that comes before its step waits is kept. When none comes in time, the saga fails.
 * @throws Error when `within` is no time
 */
export function signal<Input>(name: string, { within, schema, title }: SignalStep): SagaStep<Input> {
  const seconds = secondsOf(within);
  return {
    name,
    title: title ?? `wait for the signal ${name}`,
    kind: 'parallel',
    items: () => [name],
    signal: { name, schema },
    command: () => undefined,
    compensation: () => undefined,
    deadlineSeconds: () => seconds,
    retries: ONCE,
  };
}
