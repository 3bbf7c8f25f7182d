import * as z from 'zod';

/** The state of a saga in its history. */
export const sagaState = z.enum(['STARTED', 'COMPENSATING', 'COMPLETED', 'FAILED']);
