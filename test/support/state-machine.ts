import type { State, StateMachineDefinition } from '../../lib/sagas/saga-machine.ts';

/** The environment of a machine: functions, tokens and a clock. */
export interface MachineEnvironment {
  /** Calls the function; a rejection's name is the error that Retry and Catch see. */
  call(payload: object): Promise<unknown>;
  /** A new token and its answer, which a failure or a timeout rejects. */
  token(timeoutSeconds: number): { readonly token: string; readonly answer: Promise<unknown> };
  sleep(seconds: number): Promise<void>;
}

type Json = Record<string, unknown>;

/** The error over the limit of Step Functions. It ends the execution, and `States.ALL` does not catch it; emulators lack it. */
class DataLimitExceeded extends Error {
  override readonly name = 'States.DataLimitExceeded';
}

function carried<T>(value: T): T {
  if (Buffer.byteLength(JSON.stringify(value) ?? 'null') > 262_144) throw new DataLimitExceeded();
  return value;
}
interface Context {
  readonly item?: unknown;
  readonly token?: string;
}

/**
 * The part of the Amazon States Language that compiled sagas use, by the specification (https://states-language.net):
 * Task with tokens, Retry and Catch, Map, Choice, Succeed, Fail, and the limit of 262,144 bytes. @returns the name of the state it ended in
 */
export async function runMachine(
  { StartAt, States }: Pick<StateMachineDefinition, 'StartAt' | 'States'>,
  input: Json,
  environment: MachineEnvironment,
): Promise<string> {
  let data = carried(input);
  for (let name = StartAt; ; ) {
    const state = stateOf(States, name);
    if (state.Type === 'Succeed' || state.Type === 'Fail') return name;
    const { output, next } = await enter(state, data, environment);
    if (next === undefined) return name;
    [data, name] = [carried(output), next];
  }
}

function stateOf(states: Readonly<Record<string, State>>, name: string): State {
  const state = states[name];
  if (!state) throw new Error(`there is no state ${name}`);
  return state;
}

async function enter(state: State, input: Json, environment: MachineEnvironment) {
  if (state.Type === 'Choice') {
    const chosen = state.Choices?.find((choice) => {
      const wanted = choice['StringEquals'] ?? choice['BooleanEquals'];
      return read(String(choice['Variable']), input, {}) === wanted;
    });
    return { output: input, next: chosen?.Next ?? state.Default };
  }
  try {
    const result = state.Type === 'Map' ? await map(state, input, environment) : await task(state, input, environment);
    return { output: withResult(state, input, result), next: state.Next };
  } catch (error) {
    const caught = state.Catch?.find(({ ErrorEquals }) => covers(ErrorEquals as string[], nameOf(error)));
    if (!caught) throw error;
    return { output: { ...input, error: { Error: nameOf(error) } }, next: caught.Next };
  }
}

async function map(state: State, input: Json, environment: MachineEnvironment): Promise<unknown[]> {
  const { ItemsPath, ItemSelector, ItemProcessor: inner } = state;
  if (!inner) throw new Error('a Map without an ItemProcessor');
  const items = read(String(ItemsPath), input, {}) as unknown[];
  return Promise.all(
    items.map((item) => runMachine(inner, fill(ItemSelector as Json, input, { item }) as Json, environment)),
  );
}

async function task(state: State, input: Json, environment: MachineEnvironment): Promise<unknown> {
  const counts = new Map<object, number>();
  for (;;) {
    try {
      return await attempt(state, input, environment);
    } catch (error) {
      const retriers = (state['Retry'] ?? []) as {
        ErrorEquals: string[];
        MaxAttempts: number;
        IntervalSeconds: number;
      }[];
      const retrier = retriers.find(({ ErrorEquals }) => covers(ErrorEquals, nameOf(error)));
      const count = retrier ? (counts.get(retrier) ?? 0) : 0;
      if (!retrier || count >= retrier.MaxAttempts) throw error;
      counts.set(retrier, count + 1);
      if (/^SagaRetry$|^States/.test(nameOf(error))) await environment.sleep(retrier.IntervalSeconds);
    }
  }
}

async function attempt(state: State, input: Json, environment: MachineEnvironment): Promise<unknown> {
  const { Payload } = state['Parameters'] as { Payload: Json };
  if (!String(state['Resource']).endsWith('.waitForTaskToken')) {
    return carried({ Payload: await environment.call(carried(fill(Payload, input, {})) as object) });
  }
  const timeout = Number(read(String(state['TimeoutSecondsPath']), input, {}));
  const { token, answer } = environment.token(timeout);
  answer.catch(() => {}); // it may be rejected while the function is still being called
  await environment.call(fill(Payload, input, { token }) as object);
  return carried(await answer);
}

/** A template with its paths resolved. */
function fill(template: Json, input: Json, context: Context): unknown {
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) =>
      name.endsWith('.$') ? [name.slice(0, -2), read(String(value), input, context)] : [name, value],
    ),
  );
}

function read(path: string, input: Json, { item, token }: Context): unknown {
  if (path === '$$.Task.Token') return token;
  const [root, rest] = path.startsWith('$$.Map.Item.Value')
    ? [item, path.slice('$$.Map.Item.Value'.length)]
    : [input, path.slice(1)];
  return rest.split('.').reduce((value, name) => (name === '' ? value : (value as Json)[name]), root as unknown);
}

function withResult(state: State, input: Json, result: unknown): Json {
  const { ResultPath, ResultSelector } = state;
  if (ResultPath === null) return input;
  const selected = ResultSelector ? fill(ResultSelector as Json, result as Json, {}) : result;
  return { ...input, [String(ResultPath).slice(2)]: selected };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));
const covers = (wanted: readonly string[], error: string) =>
  wanted.includes(error) || (wanted.includes('States.ALL') && error !== 'States.DataLimitExceeded');
