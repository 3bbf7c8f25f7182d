export { Annals, type AnnalsProps, forEmulators } from '../lib/annals.ts';
