export { type SimulationOptions, type SimulationReport, simulate } from '../testing/simulation/simulate.ts';
export { appends, passes, type Step, type Story, type Teller } from '../testing/simulation/story.ts';
export { type GivenOptions, given } from '../testing/specification/given.ts';
