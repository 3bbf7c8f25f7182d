/**
 * The two times of an event. `happened`: its `timestamp`, as its sender says. `recorded`: its `recordedAt`, when the
 * store took it.
 */
export const clocks = ['happened', 'recorded'] as const;
export type Clock = (typeof clocks)[number];

/** An instant on one of the two clocks. */
export interface PastMoment {
  readonly at: Date;
  readonly clock: Clock;
}
