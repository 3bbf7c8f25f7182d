import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { lazily, observed, patience } from '../clients/clients.ts';
import { reaching } from '../clients/service-error.ts';

/** The client of Lambda: one attempt, as long as a request to the API may take. */
const lambda = lazily(() => observed(new LambdaClient(patience(25_000, 1))));

/** What a function answered, or the error that it ended with. */
export type Invoked = { readonly answer: unknown } | { readonly error: string };

/** Invokes a function and waits for it. @throws UnavailableError when it could not be started, or has not answered in time */
export async function invoke(functionName: string, event: object): Promise<Invoked> {
  const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) });
  const { Payload, FunctionError } = await reaching('Lambda', () => lambda().send(command));
  const text = Payload ? Buffer.from(Payload).toString('utf8') : 'null';
  if (FunctionError) return { error: `${FunctionError}: ${text.slice(0, 500)}` };
  return { answer: JSON.parse(text) };
}
