/** The call of a timer: a schedule, and the instant for which it was asked. */
export interface TimerCall {
  readonly scheduleId: string;
  /** ISO 8601 */
  readonly dueAt: string;
}

/**
 * The port to the timers of schedules: they call the host at an instant, which then does the due work of the schedule,
 * and asks again for a call that came early. A call comes at least once. A call for nothing does no harm, so every call
 * of the port may be repeated. Each throws UnavailableError when the timers cannot be reached.
 */
export interface Timers {
  /** Asks for a call. The timers of one machine keep only the newest call of a schedule. */
  set(call: TimerCall): Promise<void>;
  /** Takes back a call, where that is possible. */
  remove(call: TimerCall): Promise<void>;
}
