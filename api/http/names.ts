/** A name as types and operations write it: `record-step` is `RecordStep`. */
export const pascalCase = (name: string): string =>
  name.replaceAll(/(?:^|[^A-Za-z0-9])([a-z])/gi, (_, letter: string) => letter.toUpperCase());

/** A name as members and operations write it: `record-step` is `recordStep`. */
export function camelCase(name: string): string {
  const pascal = pascalCase(name);
  return pascal.charAt(0).toLowerCase() + pascal.slice(1);
}
