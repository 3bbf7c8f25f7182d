import * as z from 'zod/mini';
import {
  type Answered,
  Area,
  type PageQuery,
  type RequestOptions,
  type Requests,
  segment,
  type ViewOptions,
} from './requests.ts';

/** A command as `defineAggregate` takes it. The shape alone, so that the types of the client need no other part of Annals. */
interface DeclaredCommand {
  readonly body: { readonly _zod: { readonly input: object } };
  readonly internal?: boolean;
  readonly creates?: boolean;
  readonly path?: string;
  readonly answer?: { readonly _zod: { readonly output: unknown } };
}
type DeclaredCommands = Readonly<Record<string, DeclaredCommand>>;

type CommandsOf<A> = A extends { readonly commands: infer Commands extends DeclaredCommands } ? Commands : never;
type ViewOf<A> = A extends {
  readonly view?: { readonly projection: { evolve(view: never, event: never): infer View } } | undefined;
}
  ? View & { readonly version: number }
  : never;

/** The names of the commands that callers send: those that create, or all others. */
type Names<Commands extends DeclaredCommands, Creates> = {
  [Name in keyof Commands & string]: Commands[Name] extends { readonly internal: true }
    ? never
    : Commands[Name] extends { readonly creates: true }
      ? Creates extends true
        ? Name
        : never
      : Creates extends true
        ? never
        : Name;
}[keyof Commands & string];

/** The last part of the path of a command. */
type PathOf<Commands extends DeclaredCommands> = {
  [Name in Names<Commands, false>]: Commands[Name] extends { readonly path: infer Path extends string } ? Path : Name;
}[Names<Commands, false>];

type At<Commands extends DeclaredCommands, Path> = {
  [Name in Names<Commands, false>]: Commands[Name] extends { readonly path: infer Declared extends string }
    ? Declared extends Path
      ? Commands[Name]
      : never
    : Name extends Path
      ? Commands[Name]
      : never;
}[Names<Commands, false>];

type BodyOf<Command> = Command extends DeclaredCommand ? Command['body']['_zod']['input'] & object : never;

/** The answer to a command: the members that it declares, else the aggregate's id and its version. */
type AnswerOf<Command> = Command extends { readonly answer: { readonly _zod: { readonly output: infer Answer } } }
  ? Answer
  : { readonly version: number } & Readonly<Record<string, unknown>>;

const anyAnswer = z.looseObject({});

/**
 * `client.aggregate<typeof invoice>('invoices')`: an aggregate of your application. Its types are those of its
 * declaration; the code of the application stays where it is.
 */
export class AggregateClient<A> extends Area {
  readonly #plural: string;

  constructor(requests: Requests, plural: string) {
    super(requests);
    this.#plural = plural;
  }

  /** Begins a stream; the body may give the id, as `<aggregateType>Id`. */
  create(
    body: BodyOf<CommandsOf<A>[Names<CommandsOf<A>, true>]> & Readonly<Record<string, unknown>>,
    options?: RequestOptions,
  ): Promise<Answered<AnswerOf<CommandsOf<A>[Names<CommandsOf<A>, true>]>>> {
    return this.requests.post(`/${this.#plural}`, body, anyAnswer, options) as Promise<never>; // the server checks answers
  }

  /** Sends a command, named by the last part of its path. */
  send<Path extends PathOf<CommandsOf<A>>>(
    id: string,
    command: Path,
    body: BodyOf<At<CommandsOf<A>, Path>>,
    options?: RequestOptions,
  ): Promise<Answered<AnswerOf<At<CommandsOf<A>, Path>>>> {
    const path = `/${this.#plural}/${segment(id)}/${command}`;
    return this.requests.post(path, body, anyAnswer, options) as Promise<never>;
  }

  /** The view of a stream. */
  get(id: string, options?: ViewOptions): Promise<ViewOf<A>> {
    return this.requests.get(`/${this.#plural}/${segment(id)}`, anyAnswer, options) as Promise<never>;
  }

  /** A page of views; `state` names a group of the projection, other members are filters of the view. */
  async list(
    query: PageQuery & { readonly state?: string } & Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly views: readonly ViewOf<A>[]; readonly next: string | null }> {
    const page = await this.requests.get(`/${this.#plural}`, anyAnswer, query);
    return { views: page[this.#plural] as ViewOf<A>[], next: page['next'] as string | null };
  }
}
