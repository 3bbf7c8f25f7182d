import { type AnySaga, partiesOf } from '../../core/sagas/saga.ts';
import { compileSaga, type State } from '../../lib/sagas/saga-machine.ts';

/** Draws the declaration of a saga: its start, its steps, its answers and its ends. */
export function drawDeclaration(saga: AnySaga): string {
  const steps = saga.steps.flatMap((step, n) => {
    const { name, title, kind, retries } = step;
    const next = saga.steps[n + 1]?.name ?? 'COMPLETED';
    const again = kind === 'sequence' ? [`    ${name} --> ${name}: answered, and there is a next`] : [];
    const retried =
      retries.limit > 0 ? [`    ${name} --> ${name}: failed or late, up to ${retries.limit} more attempts`] : [];
    const types = partiesOf(step).flatMap(({ endedBy }) => endedBy);
    const ended = types.map((type) => `, ${type}`).join('');
    return [
      `    state "${title}" as ${name}`,
      `    ${name} --> ${next}: all answered`,
      ...again,
      ...retried,
      `    ${name} --> COMPENSATING: failed, late, refused, cancelled${ended}`,
    ];
  });
  const [first] = saga.steps;
  return [
    'stateDiagram-v2',
    `    [*] --> ${first?.name}: ${saga.startedBy}`,
    ...steps,
    '    COMPENSATING --> COMPENSATING: undo the last',
    '    COMPENSATING --> FAILED: all undone',
    '    COMPENSATING --> parked: cannot be undone',
    '    parked --> COMPENSATING: resumed by an operator',
    '    COMPLETED --> [*]',
    '    FAILED --> [*]',
  ].join('\n');
}

/** Draws the state machine of a saga, state by state. */
export function drawMachine(saga: AnySaga): string {
  const { StartAt, States } = compileSaga(saga, { taskFunction: 'saga-task' });
  return ['stateDiagram-v2', ...drawStates(StartAt, States, '    ')].join('\n');
}

function drawStates(start: string, states: Readonly<Record<string, State>>, indent: string): string[] {
  const lines = Object.entries(states).flatMap(([name, state]) => {
    const inner = state.ItemProcessor;
    const body = inner
      ? [
          `${indent}state "${name} (each)" as ${toId(name)} {`,
          ...drawStates(inner.StartAt, inner.States, `${indent}    `),
          `${indent}}`,
        ]
      : [`${indent}state "${name}" as ${toId(name)}`];
    return [...body, ...drawTransitions(name, state).map((line) => `${indent}${line}`)];
  });
  return [`${indent}[*] --> ${toId(start)}`, ...lines];
}

function drawTransitions(name: string, { Type, Next, Default, Choices = [], Catch = [], End }: State): string[] {
  const from = toId(name);
  const to = (next: string, label = '') => `${from} --> ${toId(next)}${label && `: ${label}`}`;
  return [
    ...(Next ? [to(Next)] : []),
    ...Choices.map((choice) => to(choice.Next, String(choice['StringEquals'] ?? 'yes'))),
    ...(Default ? [to(Default, 'otherwise')] : []),
    ...Catch.map((caught) => to(caught.Next, (caught['ErrorEquals'] as string[]).join(', '))),
    ...(End === true || Type === 'Succeed' || Type === 'Fail' ? [`${from} --> [*]`] : []),
  ];
}

const toId = (name: string): string => name.replaceAll(/\W+/g, '_').replace(/_$/, '');
