import { NotFoundError } from '../base/errors.ts';
import { type CheckpointOptions, Checkpoints } from '../projections/checkpoints.ts';
import type { Parked } from '../projections/parked.ts';
import { type AnyProjection, isShared, streamOf } from '../projections/projection.ts';
import { previewRedrive, type RedriveResult, redrive } from '../projections/redrive.ts';
import type { ParkedView, ViewStore } from '../projections/view-store.ts';
import { BUS, ONLY_GENERATION, SAGAS } from './parked-streams.ts';
import type { Publication } from './publication.ts';

/** A stream that waits behind a failing event, in a projection, for the bus or for sagas. */
export interface DeadLetter {
  /** `<projection>:<stream>` */
  readonly id: string;
  /** The projection, {@link BUS} or {@link SAGAS}. */
  readonly projection: string;
  readonly stream: string;
  /** The key of its checkpoint, and the cursor of a list. */
  readonly key: string;
  /** Number of the last event that was applied or published. */
  readonly applied: number;
  readonly parked: Parked;
}

/** The result of a redrive, with the id of the dead letter. */
export interface Redriven extends RedriveResult {
  readonly id: string;
}

/** The parts of {@link DeadLetters}. */
export interface DeadLetterOptions extends CheckpointOptions {
  readonly projections: readonly AnyProjection[];
  /** The live generation of a projection. Dead letters of other generations belong to their rebuild. */
  readonly live: (projection: string) => number | Promise<number>;
  /** The marks of the bus, if they are not beside the views. */
  readonly busMarks?: ViewStore;
  /** The dead letters of the sagas; absent on AWS. */
  readonly sagas?: SagaLetters;
  /** Publishes the waiting events of the bus. Not needed to list and preview. */
  readonly publication?: Publication;
  readonly now?: () => Date;
}

/** The dead letters of the sagas: their marks, and their redrive. */
export interface SagaLetters {
  readonly marks: ViewStore;
  redrive(stream: string): Promise<RedriveResult>;
}

/** The selection and the limits of a redrive of many dead letters. */
export interface RedriveAllOptions {
  /** A projection, the bus or the sagas; all when absent. */
  readonly projection?: string | undefined;
  /** Most streams to redrive. */
  readonly limit: number;
  /** No redrive begins after this moment. A begun redrive is finished. */
  readonly deadline: Date;
  /** Whether to return only the expected result, without any write. */
  readonly preview: boolean;
}

/** Dead letters that are read at once. */
const PAGE = 100;

/** The dead letters of all projections, of the bus and of sagas: lists them, previews a redrive, and redrives them. */
export class DeadLetters {
  readonly #options: DeadLetterOptions;
  readonly #checkpoints: Checkpoints;

  constructor(options: DeadLetterOptions) {
    this.#options = options;
    this.#checkpoints = new Checkpoints(options);
  }

  /**
   * All dead letters, or the dead letters of a projection, after a cursor. @throws NotFoundError for an unknown
   * projection
   */
  async *list(projection?: string, from?: { projection: string; after: string }): AsyncGenerator<DeadLetter> {
    const names = projection === undefined ? this.#names() : [this.#known(projection)];
    for (const name of names.slice(Math.max(0, names.indexOf(from?.projection ?? '')))) {
      const generation = await this.#generation(name);
      let after = from?.projection === name ? from.after : undefined;
      do {
        const page = await this.#marksOf(name).listParked(name, generation, { limit: PAGE, after });
        for (const view of page.views) yield this.#letter(name, view);
        after = page.next;
      } while (after !== undefined);
    }
  }

  /** The present state of a dead letter. @throws NotFoundError */
  async get(id: string): Promise<DeadLetter> {
    const { name, stream } = this.#parse(id);
    const key = this.#keyOf(name, stream);
    const stored = await this.#marksOf(name).get(name, await this.#generation(name), key);
    if (!stored?.parked) throw new NotFoundError(`there is no dead letter ${id}; GET /dead-letters lists them`);
    return this.#letter(name, { ...stored, parked: stored.parked });
  }

  /** The expected result of a redrive. Events for the bus and for sagas are only counted. @throws NotFoundError */
  async preview(id: string): Promise<Redriven> {
    const { projection, stream, applied } = await this.get(id);
    if (this.#isOutside(projection)) return { id, from: applied, to: await this.#options.store.head(stream) };
    return { id, ...(await previewRedrive(this.#checkpoints, await this.#place(projection, stream), this.#now())) };
  }

  /**
   * Tries the stream of a dead letter again, up to its head. Where it fails, it is parked again. @throws NotFoundError
   */
  async redrive(id: string): Promise<Redriven> {
    const { projection, stream } = await this.get(id);
    const { publication, sagas, store } = this.#options;
    if (projection === BUS) {
      if (!publication) throw new Error('a redrive of the bus needs a publication');
      return { id, ...(await publication.redrive(stream, store)) };
    }
    if (projection === SAGAS && sagas) return { id, ...(await sagas.redrive(stream)) };
    return { id, ...(await redrive(this.#checkpoints, await this.#place(projection, stream), this.#now())) };
  }

  /** Redrives dead letters one by one. @returns the result of each, and whether there are more */
  async redriveAll({ projection, limit, deadline, preview }: RedriveAllOptions) {
    const results: Redriven[] = [];
    for await (const { id } of this.list(projection)) {
      if (results.length >= limit || this.#now() >= deadline) return { results, more: true };
      const result = await (preview ? this.preview(id) : this.redrive(id)).catch((error: unknown) => {
        if (error instanceof NotFoundError) return undefined; // another redrive was faster
        throw error;
      });
      if (result) results.push(result);
    }
    return { results, more: false };
  }

  #letter(projection: string, { key, version, parked }: ParkedView): DeadLetter {
    const stream = this.#isOutside(projection) ? key : streamOf(this.#projection(projection), key);
    return { id: `${projection}:${stream}`, projection, stream, key, applied: version, parked };
  }

  #parse(id: string): { name: string; stream: string } {
    const colon = id.indexOf(':');
    return { name: this.#known(id.slice(0, Math.max(0, colon))), stream: id.slice(colon + 1) };
  }

  #keyOf(name: string, stream: string): string {
    if (this.#isOutside(name)) return stream;
    const projection = this.#projection(name);
    return isShared(projection) ? stream : stream.slice(stream.indexOf('-') + 1);
  }

  async #place(name: string, stream: string) {
    return { projection: this.#projection(name), generation: await this.#generation(name), stream };
  }

  #marksOf(name: string): ViewStore {
    const { views, busMarks = views, sagas } = this.#options;
    if (name === SAGAS && sagas) return sagas.marks;
    return name === BUS ? busMarks : views;
  }

  #generation(name: string): number | Promise<number> {
    return this.#isOutside(name) ? ONLY_GENERATION : this.#options.live(name);
  }

  #names(): readonly string[] {
    const { projections, sagas } = this.#options;
    return [...projections.map(({ name }) => name), BUS, ...(sagas ? [SAGAS] : [])];
  }

  /** Whether a name is the bus or the sagas and no projection: the keys of its marks are streams, without views. */
  #isOutside(name: string): boolean {
    return name === BUS || (name === SAGAS && this.#options.sagas !== undefined);
  }

  #known(name: string): string {
    if (this.#names().includes(name)) return name;
    throw new NotFoundError(`there is no projection ${name}; there are ${this.#names().join(', ')}`);
  }

  #projection(name: string): AnyProjection {
    const found = this.#options.projections.find((projection) => projection.name === name);
    if (!found) throw new NotFoundError(`there is no projection ${name}`);
    return found;
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}
