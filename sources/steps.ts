/** The action of a step that is a call of a model. */
export const chatAction = (model: string | undefined): string => `chat ${model || 'unknown model'}`;

/** The action of a step that is a call of a tool: its name and its arguments, as they were given. */
export function toolAction(name: string | undefined, given: unknown): string {
  const shown = name || 'unknown tool';
  if (given === undefined || given === null || given === '') return shown;
  return `${shown} ${typeof given === 'string' ? given : JSON.stringify(given)}`;
}
