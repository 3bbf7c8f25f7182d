/** A name as types and operations write it: `record-step` is `RecordStep`. */
export const pascalCase = (name: string): string =>
  name.replaceAll(/(?:^|[^A-Za-z0-9])([a-z])/gi, (_, letter: string) => letter.toUpperCase());
