import { expect, it } from 'vitest';
import { describeError, safeDetails } from '../../../../core/base/describe-error.ts';
import { CorruptDataError } from '../../../../core/base/errors.ts';

function unreadable(text: string): Error {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error as Error;
  }
}

it('says what class an error is of and where it came from, not what it quotes', () => {
  const cause = unreadable('my secret');
  expect(cause.message).toContain('secret'); // the danger is there
  const described = describeError(
    new CorruptDataError('the commit at version 7 of stream agent-42 cannot be read', { cause }),
  );
  expect(described).toMatchObject({
    type: 'CorruptDataError',
    message: 'the commit at version 7 of stream agent-42 cannot be read',
    cause: { type: 'SyntaxError' },
  });
  expect(described.cause?.stack?.join()).toContain('describe-error.test.ts');
  expect(JSON.stringify(described)).not.toContain('secret');
});

it('keeps what the system and services say', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  const denied = Object.assign(new Error('not authorized to perform dynamodb:PutItem'), { $fault: 'client' });
  expect(describeError(refused)).toMatchObject({ message: refused.message, code: 'ECONNREFUSED' });
  expect(describeError(denied)).toMatchObject({ message: denied.message });
});

it('does with whatever was thrown, and with errors that cause themselves', () => {
  const circular = new Error('x');
  circular.cause = circular;
  expect(JSON.stringify(describeError(circular)).length).toBeLessThan(20_000);
  expect(describeError('a secret string')).toEqual({ type: 'string' });
  expect(safeDetails({ stream: 'agent-42', error: new Error('secret') })).toMatchObject({
    stream: 'agent-42',
    error: { type: 'Error' },
  });
});
