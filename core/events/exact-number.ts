import { compareNumber } from 'lossless-json';

/**
 * Whether a JSON number can be stored exactly: the written decimal, in any notation, equals the printed double, digit
 * by digit. So `1.0`, `1E+2`, `-0` and `0.30000000000000004` can be stored. These would come back as another number:
 * `12345678901234567890.0`, `0.10000000000000001`, `1e400`, `1e-400`.
 * @param text a number in the grammar of JSON
 */
export function isExactNumber(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && compareNumber(text, String(value)) === 0;
}
