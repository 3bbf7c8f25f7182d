import startEmulator from '../../test/support/dynamodb-emulator.ts';

/** Starts the DynamoDB emulator of the tests, unless AWS_ENDPOINT_URL_DYNAMODB names an emulator. It ends after `work`. */
export const withEmulator = async (work: () => Promise<void>): Promise<void> => {
  const stop = await startEmulator();
  await work().finally(stop);
};
