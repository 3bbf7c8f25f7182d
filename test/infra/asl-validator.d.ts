/** The package has no types of its own; this is what the tests use. */
declare module 'asl-validator' {
  interface Verdict {
    readonly isValid: boolean;
    readonly errors: readonly { readonly 'Error code': string; readonly Message: string }[];
  }
  /** Changes the definition: it writes the default query language into it. */
  export default function validate(definition: object): Verdict;
}
