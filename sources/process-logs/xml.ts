import sax from 'sax';
import type { SourceFile } from '../source-event.ts';
import { SourceFault } from '../source-fault.ts';

/** What a reader of XML is told, in the order of the file. Names are without their namespace. */
export interface XmlListener {
  open(tag: string, attributes: Readonly<Record<string, string>>, place: string): void;
  text?(text: string): void;
  close(): void;
}

/**
 * Reads an XML file chunk by chunk.
 * @param listenerFor gets the list in which the listener leaves what it found
 * @throws SourceFault when it is no XML, or ends in the middle
 */
export async function* readXml<Found>(
  file: SourceFile,
  listenerFor: (found: Found[]) => XmlListener,
): AsyncGenerator<Found> {
  const found: Found[] = [];
  const parser = sax.parser(true, { position: true });
  const listener = listenerFor(found);
  const place = () => `line ${parser.line + 1}`;
  let depth = 0;
  parser.onopentag = ({ name, attributes }) => {
    depth++;
    listener.open(name.split(':').at(-1) ?? name, attributes as Readonly<Record<string, string>>, place());
  };
  parser.onclosetag = () => {
    depth--;
    listener.close();
  };
  parser.ontext = (text) => listener.text?.(text);
  parser.oncdata = (text) => listener.text?.(text);
  parser.onerror = (error) => {
    throw new SourceFault(place(), `not XML: ${error.message.split('\n')[0]}`, { cause: error });
  };
  const decoder = new TextDecoder('utf-8');
  for await (const chunk of file.read()) {
    parser.write(decoder.decode(chunk, { stream: true }).replaceAll('\0', ''));
    yield* found.splice(0);
  }
  if (depth > 0) throw new SourceFault(place(), 'not XML: the file ends in the middle');
}
