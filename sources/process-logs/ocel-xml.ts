import type { SourceFile } from '../source-event.ts';
import type { OcelRecord } from './ocel-record.ts';
import { readXml, type XmlListener } from './xml.ts';

// OCEL 2.0 as XML (specification of 2023-10-16).

interface Attribute {
  readonly name: string | undefined;
  readonly time: string | undefined;
  value: string;
}

interface Open {
  readonly value: Readonly<Record<string, string>> & {
    readonly attributes: Attribute[];
    readonly relationships: { readonly objectId: string; readonly qualifier: string | undefined }[];
  };
  readonly place: string;
  readonly depth: number;
}

/** The objects or the events of a log, one at a time. */
export const ocelElements = (file: SourceFile, wanted: 'object' | 'event'): AsyncGenerator<OcelRecord> =>
  readXml<OcelRecord>(file, (found) => listenerFor(wanted, found));

function listenerFor(wanted: 'object' | 'event', found: OcelRecord[]): XmlListener {
  const tags: string[] = [];
  let open: Open | undefined;
  let attribute: Attribute | undefined;
  return {
    open(tag, given, place) {
      tags.push(tag);
      const around = tags.at(-2);
      const isRecord = tag === wanted && around === `${wanted}s` && tags.length === 3;
      if (isRecord)
        open = { value: { ...given, attributes: [], relationships: [] } as never, place, depth: tags.length };
      else if (open && tag === 'attribute' && around === 'attributes') {
        attribute = { name: given['name'], time: given['time'], value: '' };
        open.value.attributes.push(attribute);
      } else if (open && around === 'objects') {
        // The specification and its tools differ in the name of the element, not in its attributes.
        const objectId = given['object-id'];
        if (objectId !== undefined) open.value.relationships.push({ objectId, qualifier: given['qualifier'] });
      }
    },
    text(text) {
      if (attribute) attribute.value += text;
    },
    close() {
      if (open && tags.length === open.depth) {
        found.push({ value: open.value, place: open.place });
        open = undefined;
      }
      attribute = undefined;
      tags.pop();
    },
  };
}
