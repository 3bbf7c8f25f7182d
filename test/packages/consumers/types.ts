// A user's types: each line with an error has to have it.
import { createClient, type LoggedEvent } from 'annals-client';

const client = createClient({ url: 'http://127.0.0.1:4700' });
const { version } = await client.agents.create({ agentType: 'coder', createdBy: 'me', configuration: {} });
export const next: number = version + 1;
// @ts-expect-error the type of an agent is a text
await client.agents.create({ agentType: 1, createdBy: 'me', configuration: {} });

export function actionOf(event: LoggedEvent): string | undefined {
  if (event.type === 'agent.step-recorded') return event.data.action;
  // @ts-expect-error no agent has an invoice
  if (event.type === 'invoice.created') return undefined;
  return undefined;
}
