export { given } from '../testing/specification/given.ts';
