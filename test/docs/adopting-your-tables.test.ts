import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';

import { inspect } from '../../src/commands/doctor/inspect.js';
import { manageApiKeys } from '../../src/commands/manage-api-keys.js';
import { readConfig } from '../../src/config/config.js';
import { readCatalog } from '../../src/database/catalog.js';
import { connectDatabase } from '../../src/database/connect.js';
import type { Database } from '../../src/database/database.js';
import { formatSql, type SqlValue } from '../../src/database/sql-format.js';
import { entities } from '../../src/entities.js';
import {
  ExportOrderBy,
  normalizeExportFilter,
  ExportSortDirection,
} from '../../src/exports/export-filter.js';
import { ExportRepository } from '../../src/exports/export-repository.js';
import { RequestQueries } from '../../src/exports/request-queries.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import {
  apiKeyRow,
  keyNamed,
  listExports,
  signToken,
  tokensAccepted,
} from '../auth/credentials.js';
import { describeWith } from '../support/describe-with.js';
import { keysRequired, startGateway, type Gateway } from '../support/gateway.js';
import { mysqlConfig } from '../support/mysql-config.js';
import { createPrivateServer, type PrivateServer } from '../support/private-server.js';
import {
  adoptableSystems,
  contentOf,
  type AdoptableSystem,
  type AdoptedExport,
} from './adoptable-systems.js';
import { chronological } from '../exports/lists.js';
import { codeBlocksOf } from './markdown.js';

const page = await readFile('docs/adopting-your-tables.md', 'utf8');

/** The SQL blocks of a chapter. */
function sqlOf(heading: string): string[] {
  const chapter = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return codeBlocksOf(chapter).flatMap(({ language, code }) => (language === 'sql' ? [code] : []));
}

const names = <T extends string>(values: Record<string, T>) =>
  new Map(Object.entries(values).map(([name, value]) => [value, name]));
const orderNames = names(ExportOrderBy);
const resourceNames = names(ExportResource);
const statusNames = names(ExportStatus);

const fields =
  'id name resource status countBatches countTotal countProcessed progress createdAt updatedAt completedAt isExpired failureCode requestedBy';

/** A row of EXPLAIN. */
interface Step {
  readonly select_type: string;
  readonly table: string;
  readonly type: string;
  readonly key: string | null;
  readonly Extra: string | null;
}

const tableNamesIn = (sql: string) =>
  [...sql.matchAll(/CREATE TABLE (\S+)/g)].map(([, name = '']) => name);

interface Page {
  readonly exports: {
    readonly data: readonly { readonly id: string }[];
    readonly pagination: { readonly endCursor: string; readonly hasMore: boolean };
  };
}

describeWith('mysqlProgram', 'a gateway over the tables of another system', () => {
  let server: PrivateServer;
  let admin: Connection;

  beforeAll(async () => {
    server = await createPrivateServer();
    await server.start(['--skip-log-bin', '--default-time-zone=+02:00']);
    admin = await createConnection({ uri: server.url, multipleStatements: true });
  }, 120_000);
  afterAll(async () => {
    await admin.end();
    await server.dispose();
  });

  describe.each(adoptableSystems)('$heading', (system: AdoptableSystem) => {
    const { heading, organization, exports, views, schema, requester } = system;
    const headers = { 'x-api-key': '' };
    let gateway: Gateway;
    let databases: Parameters<typeof startGateway>[0];

    beforeAll(async () => {
      const [tables = '', viewSql = '', grants = ''] = sqlOf(heading);
      await admin.query(`CREATE DATABASE ${schema} CHARACTER SET utf8mb4`);
      await admin.query(tables);
      for (const statement of system.inserts) await admin.query(statement);
      await admin.query(viewSql);
      const accountOf = (username: string) => {
        const url = Object.assign(new URL(views, server.url), { username });
        url.password = 'choose-a-password';
        return mysqlConfig(url.href);
      };
      const owner = accountOf('owner');
      const options = { entities, logger: pino({ level: 'silent' }), migrate: true };
      await (await connectDatabase(owner, options)).destroy();
      const created = await manageApiKeys(
        ['create', '--organization', organization, '--name', 'first'],
        owner,
      );
      headers['x-api-key'] = /^egk_.*$/m.exec(created)?.[0] ?? '';
      await admin.query(grants);
      databases = { config: accountOf('gateway'), owner };
      gateway = await startGateway(databases, {
        keys: system.others.map((other) => apiKeyRow(keyNamed(other), other)),
        config: tokensAccepted(
          requester === null
            ? {}
            : { JWT_REQUESTER_CLAIM: 'sub', JWT_ALL_EXPORTS_SCOPE: 'exports:all' },
        ),
      });
      const files = exports.flatMap((each) => Object.values(each.files));
      for (const file of files) await gateway.store(file, contentOf(file));
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      for (const name of new Set([schema, views])) await admin.query(`DROP DATABASE ${name}`);
      await admin.query('DROP USER gateway, owner, exports_views@localhost');
    });

    async function query<Data>(document: string, variables: object = {}): Promise<Data> {
      const result = await gateway.query<Data>(document, { ...variables }, headers);
      expect(result.errors).toBeUndefined();
      return result.data;
    }

    const byId = (a: string, b: string) =>
      system.isNumbered ? Number(a) - Number(b) : a < b ? -1 : 1;

    /** The ids in an order. */
    function ordered(rows: readonly AdoptedExport[], orderBy: ExportOrderBy, sign: number) {
      const sorted = rows.toSorted((a, b) => {
        const [left, right] = [a[orderBy], b[orderBy]];
        return sign * (left === right ? byId(a.id, b.id) : left < right ? -1 : 1);
      });
      return sorted.map(({ id }) => id);
    }

    const shown = (row: AdoptedExport) => ({
      ...row,
      files: undefined,
      isExpired: false,
      resource: resourceNames.get(row.resource),
      status: statusNames.get(row.status),
    });

    it.each(
      Object.values(ExportOrderBy).flatMap((orderBy) =>
        Object.values(ExportSortDirection).map((direction) => ({ orderBy, direction })),
      ),
    )('lists by $orderBy $direction, by pages and by cursors', async ({ orderBy, direction }) => {
      const order = `orderBy: ${orderNames.get(orderBy)} direction: ${direction.toUpperCase()}`;
      const list = (start: string) =>
        query<Page>(
          `{ exports(${order} limit: 3 ${start}) { data { id } pagination { endCursor hasMore } } }`,
        );
      const expected = ordered(exports, orderBy, direction === ExportSortDirection.ASC ? 1 : -1);
      const [byPage, byCursor]: [string[], string[]] = [[], []];
      let cursor = '';
      for (let number = 1; number <= 5; number++) {
        const { data } = (await list(`page: ${number}`)).exports;
        byPage.push(...data.map(({ id }) => id));
        const after = (await list(cursor && `after: "${cursor}"`)).exports;
        byCursor.push(...after.data.map(({ id }) => id));
        cursor = after.pagination.endCursor;
        expect(after.pagination.hasMore).toBe(number < 5);
      }
      expect([byPage, byCursor]).toEqual([expected, expected]);
    });

    it.each<[filter: string, matches: (row: AdoptedExport) => boolean]>([
      ['statuses: [COMPLETED]', ({ status }) => status === ExportStatus.COMPLETED],
      [
        'statuses: [FAILED, PROCESSING, TIMED_OUT]',
        ({ status }) => /failed|processing|timed_out/.test(status),
      ],
      ['resource: CONTACT', ({ resource }) => resource === ExportResource.CONTACT],
      ['resource: OTHER', ({ resource }) => resource === ExportResource.OTHER],
      ['search: "1"', ({ name }) => name.includes('1')],
      ['search: "GRÖSSE 1"', () => false],
      ['search: "PEOPLE-1"', ({ name }) => name.startsWith('people-1')],
      ['search: "größe 1"', ({ name }) => name.startsWith('Größe 1')],
      [
        'statuses: [COMPLETED] resource: CONTACT search: "1"',
        ({ status, resource, name }) =>
          status === ExportStatus.COMPLETED &&
          resource === ExportResource.CONTACT &&
          name.includes('1'),
      ],
    ])('filters by %s, with the count', async (filter, matches) => {
      const expected = exports.filter(matches);
      const result = await query<{ exports: object }>(
        `{ exports(filter: { ${filter} } limit: 20) { data { id } pagination { totalCount } } }`,
      );
      expect(result.exports).toEqual({
        data: ordered(expected, ExportOrderBy.CREATED_AT, 1).map((id) => ({ id })),
        pagination: { totalCount: expected.length },
      });
    });

    it('returns every export by its id, through _entities too, times in UTC', async () => {
      const aliases = exports.map(({ id }, at) => `e${at}: export(id: "${id}") { ${fields} }`);
      const all = await query<Record<string, object>>(`{ ${aliases.join(' ')} }`);
      expect(Object.values(all)).toEqual(exports.map(shown));
      const representations = exports.map(({ id }) => ({ __typename: 'Export', id }));
      const { _entities } = await query<{ _entities: object[] }>(
        `query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Export { ${fields} } } }`,
        { representations },
      );
      expect(_entities).toEqual(exports.map(shown));
    });

    it('finds no export by an id that only SQL holds equal', async () => {
      const ids = [...system.similarIds, `${exports[0]?.id} `, 'x'.repeat(64)];
      const { exportsByIds } = await query<{ exportsByIds: unknown[] }>(
        'query ($ids: [ID!]!) { exportsByIds(ids: $ids) { id } }',
        { ids },
      );
      expect(exportsByIds).toEqual(ids.map(() => null));
    });

    it('links to the files that exist', async () => {
      const urls = ['jsonUrl', 'csvUrl', 'csvErrorUrl', 'csvSanitizedUrl'];
      const { exports: list } = await query<{ exports: { data: Record<string, string>[] } }>(
        `{ exports(limit: 20, includeCsv: true, includeJson: true) { data { id ${urls.join(' ')} files { fileName sizeBytes rowCount sha256 } } } }`,
      );
      for (const each of list.data) {
        const { files = {} } = exports.find(({ id }) => id === each['id']) ?? {};
        for (const field of urls) {
          const { [field]: link } = each;
          const { [field]: path } = files;
          if (path === undefined) expect(link).toBeNull();
          else expect(await (await fetch(link ?? '')).text()).toBe(contentOf(path));
        }
      }
    });

    it('shows another organization nothing, however similar its name', async () => {
      const ids = exports.map(({ id }) => id);
      for (const other of system.others) {
        const { data, errors } = await gateway.query(
          'query ($ids: [ID!]!) { exportsByIds(ids: $ids) { id } exports(limit: 100) { data { id } pagination { totalCount } } }',
          { ids },
          { 'x-api-key': keyNamed(other) },
        );
        expect(errors).toBeUndefined();
        const { exportsByIds, exports: list } = data as unknown as Page & {
          exportsByIds: unknown[];
        };
        expect(exportsByIds).toEqual(ids.map(() => null));
        const listed = list.data.map(({ id }) => id);
        expect(listed.filter((id) => ids.includes(id))).toEqual([]);
      }
    });

    it('shows a requester its own exports only, or does not start without requested_by', async () => {
      if (requester === null) {
        const config = tokensAccepted({ JWT_REQUESTER_CLAIM: 'sub' });
        await expect(startGateway(databases, { config })).rejects.toThrow(
          'JWT_REQUESTER_CLAIM needs the column requested_by',
        );
        return;
      }
      for (const sub of [requester.name, requester.similar]) {
        const token = await signToken({ org_id: organization, sub });
        const { data } = await gateway.query<Page>(
          '{ exports(limit: 20) { data { id } } }',
          {},
          { authorization: `Bearer ${token}` },
        );
        const own = exports.filter(({ requestedBy }) => requestedBy === sub);
        expect(data.exports.data.map(({ id }) => id)).toEqual(
          ordered(own, ExportOrderBy.CREATED_AT, 1),
        );
      }
    });

    it('opens GraphiQL with the id of one of its exports', async () => {
      const { auth } = readConfig({ AUTH: 'off', ORGANIZATION: organization });
      const open = await startGateway(databases, { config: { auth, graphiql: true } });
      const { text } = await open.send({ headers: ['accept', 'text/html'] });
      await open.close();
      const id = /\\"id\\": \\"([^"\\]+)/.exec(text)?.[1];
      const completed = exports.filter(({ status }) => status === ExportStatus.COMPLETED);
      expect(completed.map((each) => each.id)).toContain(id);
    });

    it('passes npm run doctor', async () => {
      const findings = await inspect(gateway.config, true);
      expect(findings.filter(({ status }) => status === 'problem')).toEqual([]);
    });

    it('needs no api_keys with AUTH=off or tokens', async () => {
      await admin.query(`RENAME TABLE ${views}.api_keys TO ${views}.gone`);
      for (const config of [{ auth: readConfig({ AUTH: 'off' }).auth }, tokensAccepted()]) {
        const started = await startGateway(databases, { config });
        const token = await signToken({ org_id: organization });
        const status = async (...headers: string[]) => (await listExports(started, headers)).status;
        const isOpen = config.auth.kind === 'off';
        expect(await status('authorization', `Bearer ${token}`)).toBe(200);
        expect(await status('x-api-key', headers['x-api-key'])).toBe(isOpen ? 200 : 401);
        await started.close();
      }
      await expect(startGateway(databases, { config: keysRequired })).rejects.toThrow(
        /api_keys.*Run npm run migrate/,
      );
      await admin.query(`RENAME TABLE ${views}.gone TO ${views}.api_keys`);
    });

    if (system.otherViews.length > 0)
      it.each(system.otherViews)(
        'reads a view with $what',
        async ({ select, instead, sql, ...other }) => {
          const [, viewSql = ''] = sqlOf(heading);
          const [view = ''] =
            /CREATE DEFINER[^;]* VIEW \S+\.exports AS[^;]*/.exec(viewSql.replaceAll('\n', ' ')) ??
            [];
          expect(view).toContain(instead);
          if (sql !== undefined) await admin.query(sqlOf(sql)[0] ?? '');
          const replaced = view.replace('CREATE', 'CREATE OR REPLACE');
          await admin.query(replaced.replace(instead, select));
          const { auth } = readConfig({ AUTH: 'off', ORGANIZATION: other.organization });
          const started = await startGateway(databases, { config: { auth } });
          const { data, errors } = await started.query<Page & { export: object }>(
            `{ exports(limit: 20) { data { id } } export(id: "${exports[0]?.id}", includeCsv: true) { ${fields} csvUrl } }`,
          );
          await started.close();
          await admin.query(replaced);
          expect(errors).toBeUndefined();
          expect(data.exports.data.map(({ id }) => id).sort()).toEqual(
            exports.map(({ id }) => id).sort(),
          );
          expect(data.export).toEqual({ ...exports.map(shown)[0], csvUrl: expect.any(String) });
        },
      );

    // The last test, because it adds rows.
    it('looks up ids and lists along indexes', async () => {
      await admin.query(system.bulk);
      await admin.query(`ANALYZE TABLE ${tableNamesIn(sqlOf(heading)[0] ?? '').join(', ')}`);
      await admin.query(`USE ${views}`);
      const plans: Step[][] = [];
      const select = async (sql: string) => (await admin.query<RowDataPacket[]>(sql))[0];
      const database: Database = {
        catalog: await readCatalog('mysql', select),
        indexHint: () => '',
        currentTimeSql: 'NOW()',
        poolStats: () => [],
        close: () => Promise.resolve(),
        async query<Row>(sql: string, parameters: readonly SqlValue[] = []) {
          const text = formatSql(sql, parameters);
          plans.push((await select(`EXPLAIN FORMAT=TRADITIONAL ${text}`)) as Step[]);
          return (await select(text)) as Row[];
        },
      };
      const repository = new ExportRepository(database, () => undefined);
      const scope = { organization, onlyRequestedBy: null };
      const queries = new RequestQueries(scope);
      const ids = exports.slice(0, 3).map(({ id }) => id);
      await repository.findByIds(queries, ids, ['id', 'name', 'status']);
      await repository.findFiles(queries, ids);
      const list = { ...scope, filter: normalizeExportFilter(), now: new Date(), ...chronological };
      await repository.list(list, { offset: 0, limit: 10 }, ['id', 'name', 'status'], queries);
      await repository.readChanges([{ organization, start: '2037-01-01 00:00:00.000' }]);

      // Apart from results in memory, such as the ids of the page.
      const [lookup = [], files = [], page = [], changes = []] = plans.map((steps) =>
        steps.filter(({ table }) => !table.startsWith('<')),
      );
      for (const { type, key } of [...lookup, ...files]) {
        expect([type, key]).toEqual([expect.stringMatching(/^(eq_ref|range|ref)$/), 'PRIMARY']);
      }
      for (const { key } of [...page, ...changes]) expect(key).not.toBeNull();
      const sorts = page.filter(({ Extra }) => Extra?.includes('filesort'));
      expect(sorts.map(({ select_type }) => select_type)).toEqual(
        system.isListSorted ? ['DERIVED'] : [],
      );
    });
  });
});
