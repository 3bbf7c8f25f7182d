import type { Json, JsonObject } from '../../core/events/json.ts';
import type { Notices, SourceEvent, SourceFile, SourcePart } from '../source-event.ts';
import { caseEvents } from './case-events.ts';
import { type LogInstant, parseLogInstant } from './log-instant.ts';
import type { LogNames, LogRow } from './log-row.ts';
import { type XesElement, xesElements } from './xes-elements.ts';

/** A log of processes in XES (IEEE 1849): each trace is a case. It is read trace by trace, in the order of the file. */
export function xesPart(file: SourceFile, names: LogNames): SourcePart {
  return { name: file.path, checkFirst: false, events: (notices) => new XesLog(file, names, notices).events() };
}

class XesLog {
  readonly #file: SourceFile;
  readonly #names: LogNames;
  readonly #notices: Notices;
  /** How often each case occurred. */
  readonly #cases = new Map<string, number>();
  #traces = 0;

  constructor(file: SourceFile, names: LogNames, notices: Notices) {
    this.#file = file;
    this.#names = names;
    this.#notices = notices;
  }

  async *events(): AsyncGenerator<SourceEvent> {
    for await (const element of xesElements(this.#file)) {
      if (element.tag === 'trace') yield* this.#trace(element);
      else if (element.tag === 'event') this.#notices.count('events outside of a trace, left out');
    }
  }

  *#trace(trace: XesElement): Generator<SourceEvent> {
    this.#traces++;
    const { 'concept:name': told, ...parameters } = trace.attributes;
    const named = told === undefined || told === '' ? `trace ${this.#traces}` : String(told);
    const times = (this.#cases.get(named) ?? 0) + 1;
    this.#cases.set(named, times);
    const name = times === 1 ? named : `${named}~${times}`;
    if (trace.children.length === 0) return this.#notices.count('cases without an event, left out');
    let at: LogInstant | undefined;
    const rows = trace.children.map((event): LogRow => {
      const row = this.#row(event, at);
      at = row.at;
      return row;
    });
    yield* caseEvents(this.#names, name, rows, parameters as JsonObject);
  }

  #row({ attributes, place }: XesElement, before: LogInstant | undefined): LogRow {
    const { 'concept:name': activity, 'time:timestamp': time, ...others } = attributes;
    const { 'lifecycle:transition': transition, 'org:resource': resource, ...more } = others;
    const { 'concept:instance': instance, ...rest } = more;
    return {
      place,
      at: this.#instant(time, before, place),
      activity: textOf(activity) ?? 'unnamed',
      transition: textOf(transition)?.toLowerCase(),
      resource: textOf(resource),
      instance: textOf(instance),
      attributes: new Map<string, Json>(Object.entries(rest)),
    };
  }

  /** The time of an event; without one, that of the event before. */
  #instant(time: Json | undefined, before: LogInstant | undefined, place: string): LogInstant {
    const parsed = time === undefined ? undefined : parseLogInstant(String(time));
    if (parsed && !('fault' in parsed)) {
      if (parsed.isAssumed) this.#notices.count('times without an offset, taken as UTC');
      return parsed;
    }
    if (parsed) this.#notices.problem(place, `${parsed.fault}; the event got the time of the event before`);
    else this.#notices.count('events without a time, with the time of the event before');
    return before ?? { iso: this.#file.modifiedAt, rest: '', isAssumed: false };
  }
}

const textOf = (value: Json | undefined): string | undefined =>
  value === undefined || value === null || value === '' ? undefined : String(value);
