import type * as Sqlite from 'node:sqlite';

// Not an import: this file then says what to do on a Node without SQLite, instead of Node's "No such built-in module".
const sqlite: typeof Sqlite | undefined = process.getBuiltinModule?.('node:sqlite');
if (!sqlite) {
  throw new Error(
    `Annals keeps its data in SQLite, which needs Node 22.13 or newer, and this is Node ${process.versions.node}; npx -p node@24 -p annals annals dev ./app.ts runs it with Node 24`,
  );
}

type DatabaseSync = Sqlite.DatabaseSync;
const DatabaseSync: typeof Sqlite.DatabaseSync = sqlite.DatabaseSync;

/** The databases of SQLite, as Node has them: the class and its type. */
export { DatabaseSync };
