/** A source that cannot be read further. */
export class SourceFault extends Error {
  override readonly name = 'SourceFault';
  /** Where in the file; empty for the file as a whole. */
  readonly place: string;
  constructor(place: string, fault: string, options?: ErrorOptions) {
    super(fault, options);
    this.place = place;
  }
}
