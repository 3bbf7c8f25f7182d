import { type Attributes, isObject, parsedValue, textIn } from './attributes.ts';
import type { ToldSpan } from './told-span.ts';

/** Most characters of a text in a step. */
const MAX_TEXT = 256 * 1024;

/** A value as text: a text as it is, anything else as JSON. Half surrogates become U+FFFD, and a very long text is cut. */
export function asText(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed();
  if (text.length <= MAX_TEXT) return text;
  return `${text.slice(0, MAX_TEXT).toWellFormed()}… (${text.length - MAX_TEXT} characters more)`;
}

/** The text of an attribute. Programs that keep a text to themselves write a mark in its place. */
export function toldText(attributes: Attributes, name: string): string | undefined {
  const text = textIn(attributes, name);
  return text === undefined || /^[<[]REDACTED[>\]]$/i.test(text) ? undefined : asText(text);
}

/**
 * The text that a model answered, in the attributes of each convention: GenAI (`gen_ai.output.messages`, before it
 * `gen_ai.completion`, also flattened, or the event `gen_ai.choice`), OpenInference (`llm.output_messages.<i>...`).
 */
export function answerOf({ attributes, events }: ToldSpan): string | undefined {
  return asText(
    messagesText(attributes['gen_ai.output.messages']) ??
      flattened(attributes, 'gen_ai.completion', '.content') ??
      messagesText(attributes['gen_ai.completion']) ??
      messagesText(events['gen_ai.choice']?.['message']) ??
      messagesText(events['gen_ai.content.completion']?.['gen_ai.completion']) ??
      flattened(attributes, 'llm.output_messages', '.message.content') ??
      flattened(attributes, 'llm.output_messages', '.message.contents.0.message_content.text') ??
      messagesText(textIn(attributes, 'output.value', 'traceloop.entity.output')),
  );
}

/** The texts of `<name>.0<member>`, `<name>.1<member>` and so on. */
function flattened(attributes: Attributes, name: string, member: string): string | undefined {
  const texts: string[] = [];
  for (let index = 0; ; index += 1) {
    const value = attributes[`${name}.${index}${member}`];
    if (value === undefined) break;
    const text = messagesText(value);
    if (text !== undefined) texts.push(text);
  }
  return texts.length > 0 ? texts.join('\n') : undefined;
}

/** The text parts of messages: texts, messages with `parts` or `content`, or lists of them; JSON or values. */
function messagesText(told: unknown): string | undefined {
  const value = parsedValue(told);
  if (typeof value === 'string') return value || undefined;
  if (Array.isArray(value)) {
    const texts = value.map(messagesText).filter((text) => text !== undefined);
    return texts.length > 0 ? texts.join('\n') : undefined;
  }
  if (!isObject(value)) return undefined;
  const { type, parts, content, text } = value;
  if (parts !== undefined) return messagesText(parts);
  if (type !== undefined && type !== 'text' && type !== 'output_text' && type !== 'message') return undefined;
  return messagesText(content ?? text);
}
