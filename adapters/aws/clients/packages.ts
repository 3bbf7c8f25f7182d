/**
 * Imports packages that not every installation of Annals has.
 * @param need what needs the packages, as the subject of a sentence
 * @throws Error with the command that installs them
 */
export async function fromPackages<Modules>(
  need: string,
  packages: readonly string[],
  load: () => Promise<Modules>,
): Promise<Modules> {
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
    throw new Error(`${need} need packages that are not installed: npm install ${packages.join(' ')}`, { cause });
  }
}
