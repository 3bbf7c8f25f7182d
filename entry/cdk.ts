export { Annals, type AnnalsProps } from '../lib/annals.ts';
