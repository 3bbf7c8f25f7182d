import annalsConfig from '../annals.config.ts';
import { defineAnnals } from '../application/define-annals.ts';
import { agents } from './agents.ts';

/**
 * The application that runs where no other is given. Functions and the command line import `#application`, which
 * package.json maps to this file; a bundle of another application has that application in its place.
 */
export default defineAnnals({ modules: [agents], eventSystem: annalsConfig.event_system });
