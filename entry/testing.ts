export { type SimulationOptions, type SimulationReport, simulate } from '../testing/simulation/simulate.ts';
export { appends, decides, passes, type Step, type Story, signals, type Teller } from '../testing/simulation/story.ts';
export { type GivenOptions, given } from '../testing/specification/given.ts';
