/** Privileges on the tables whose database and name match. */
export interface Grant {
  /** In upper case; `ALL PRIVILEGES` for all. Those on single columns are left out. */
  readonly privileges: readonly string[];
  /** `*.*`, `database.*` or `database.table`, as the server writes it, without quotes. */
  readonly on: string;
  readonly matches: (database: string, table: string) => boolean;
}

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** The grants of the current user and its active roles, or null where the server tells none. */
export async function readGrants(query: Query): Promise<Grant[] | null> {
  try {
    const lines = (await query('SHOW GRANTS')).flatMap((row) => Object.values(row));
    return lines.flatMap((line) => parseGrant(String(line)) ?? []);
  } catch {
    return null;
  }
}

export function hasPrivilege(
  grants: readonly Grant[],
  privilege: string,
  { database, table }: { database: string; table: string },
): boolean {
  return grants.some(
    ({ privileges, matches }) =>
      (privileges.includes(privilege) || privileges.includes('ALL PRIVILEGES')) &&
      matches(database, table),
  );
}

/** A name has no quotes where `sql_quote_show_create` is off. */
const NAME = '(\\*|`(?:[^`]|``)+`|"(?:[^"]|"")+"|[^\\s`".]+)';
const ON_TABLES = new RegExp(`^GRANT (.+) ON ${NAME}\\.${NAME} TO `);

/** Null for what grants nothing on tables: roles, proxies, routines. */
function parseGrant(line: string): Grant | null {
  const [, list = '', database = '', table = ''] = ON_TABLES.exec(line) ?? [];
  if (list === '') return null;
  const [databaseName, tableName] = [unquoted(database), unquoted(table)];
  const pattern = patternOf(databaseName);
  return {
    // `SELECT (a, b)` is on columns alone.
    privileges: list
      .replaceAll(/\w+ \([^)]*\)/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && name !== 'USAGE'),
    on: `${databaseName}.${tableName}`,
    matches: (inDatabase, ofTable) =>
      (database === '*' || databaseName === inDatabase || pattern.test(inDatabase)) &&
      (table === '*' || tableName === ofTable),
  };
}

function unquoted(name: string): string {
  return /^[`"]/.test(name) ? name.slice(1, -1).replaceAll(/(["`])\1/g, '$1') : name;
}

/** A database is granted by a pattern as LIKE has it. */
function patternOf(database: string): RegExp {
  const source = database.replaceAll(/\\?[^]/g, (part) => {
    if (part === '%') return '[^]*';
    if (part === '_') return '[^]';
    return (part.length === 2 ? part.slice(1) : part).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 'i');
}
