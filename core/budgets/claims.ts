/** A piece of work, and the worker that asks for it. */
export interface ClaimRequest {
  readonly workId: string;
  readonly workerId: string;
  /** The type of the worker, where the work is for a type. */
  readonly workerType?: string | undefined;
}

/**
 * The port that admits claims, or refuses them. Called before each claim.
 * @throws BudgetSpentError when a budget is spent that concerns the claim
 * @throws UnavailableError
 */
export type AdmitsClaim = (claim: ClaimRequest) => Promise<void>;

/** Admits every claim: for applications without budgets. */
export const admitsEveryClaim: AdmitsClaim = async () => {};
