import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { observed, timeouts } from '../clients/clients.ts';
import { lazily } from '../clients/lazily.ts';
import { callService } from '../clients/service-error.ts';

/** The client of Lambda: a single attempt of at most 25 s, as long as a request to the API may take. */
const lambda = lazily(() => observed(new LambdaClient(timeouts(25_000, 1))));

/** The answer of a function, or the error that ended it. */
export type Invoked = { readonly answer: unknown } | { readonly error: string };

/**
 * Invokes a function and waits for its answer, at most 25 s.
 * @throws UnavailableError when the function could not be started, or has not answered in time
 */
export async function invoke(functionName: string, event: object): Promise<Invoked> {
  const command = new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) });
  const { Payload, FunctionError } = await callService('Lambda', () => lambda().send(command));
  const text = Payload ? Buffer.from(Payload).toString('utf8') : 'null';
  if (FunctionError) return { error: `${FunctionError}: ${text.slice(0, 500)}` };
  return { answer: JSON.parse(text) };
}
