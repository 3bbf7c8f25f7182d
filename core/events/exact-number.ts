import { compareNumber } from 'lossless-json';

/**
 * Whether a JSON number can be stored: the decimal that is written, in whatever notation, is the decimal that the stored
 * double is printed as, digit by digit. So `1.0`, `1E+2`, `-0` and `0.30000000000000004` can, and what would come back as
 * another number cannot: `12345678901234567890.0`, `0.10000000000000001`, `1e400`, `1e-400`.
 * @param text as the grammar of JSON has numbers
 */
export function isExactNumber(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && compareNumber(text, String(value)) === 0;
}
