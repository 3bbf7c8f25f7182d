import { checkParts, invoked } from './runtime.ts';

/** Tries every part of a stage, for the metric that an alarm watches; runs by the clock. */
export const handler = invoked(checkParts);
