import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';

import { ExportFileKind } from '../../../src/exports/export-file.js';
import { ExportResource, ExportStatus } from '../../../src/exports/export.js';
import type { GraphqlRequest } from '../workloads.js';
import { readPreview } from './plain-preview.js';
import type { ListVariables, PlainExport, PlainFile, PlainSql } from './plain-sql.js';

/** The folder of the files, and the settings of signed links. */
export interface FileOptions {
  readonly folder: string;
  readonly origin: string;
  readonly secret: string;
  /** In seconds. */
  readonly ttl: number;
}

/**
 * LIMIT: the upper limit for a server. It parses no GraphQL, but knows the operations of the bench
 * by name and writes the responses of a GraphQL server.
 */
export function createLimitServer(sql: PlainSql, options: FileOptions): Server {
  async function readPage(variables: ListVariables) {
    const { page, limit } = variables;
    const rows = await sql.page(variables);
    const hasMore = rows.length > limit;
    return { data: hasMore ? rows.slice(0, limit) : rows, pagination: { page, limit, hasMore } };
  }

  const operations: Record<string, (variables: never) => Promise<unknown>> = {
    async Export({ id }: { id: string }) {
      const [found = null] = await sql.byIds([id]);
      return { export: found };
    },
    async TwentyExports(variables: Record<string, string>) {
      const rows = await sql.byIds(Object.values(variables));
      const byId = new Map(rows.map((row) => [row.id, row]));
      const entries = Object.entries(variables).map(([alias, id]) => [alias, byId.get(id) ?? null]);
      return Object.fromEntries(entries) as Record<string, PlainExport | null>;
    },
    async Exports(variables: ListVariables) {
      return { exports: await readPage(variables) };
    },
    async ExportsAndCount(variables: ListVariables) {
      const [{ data, pagination }, totalCount] = await Promise.all([
        readPage(variables),
        sql.count(variables.filter),
      ]);
      return { exports: { data, pagination: { ...pagination, totalCount } } };
    },
    async ExportsAndFacets(variables: ListVariables) {
      const { resource, statuses, ...others } = variables.filter ?? {};
      const [{ data, pagination }, totalCount, byStatus, byResource] = await Promise.all([
        readPage(variables),
        sql.count(variables.filter),
        sql.countBy('status', { ...others, ...(resource && { resource }) }),
        sql.countBy('resource', { ...others, ...(statuses && { statuses }) }),
      ]);
      const facets = {
        statuses: Object.keys(ExportStatus).map((status) => ({
          status,
          count: byStatus.get(status) ?? 0,
        })),
        resources: Object.keys(ExportResource).map((value) => ({
          resource: value,
          count: byResource.get(value) ?? 0,
        })),
      };
      return { exports: { data, pagination: { ...pagination, totalCount }, facets } };
    },
    async LastExports({ last }: { last: number }) {
      const rows = await sql.last(last);
      const pageInfo = { hasPreviousPage: rows.length > last };
      return { exports: { data: rows.slice(-last), pageInfo } };
    },
    async Previews({ id }: { id: string }) {
      const [[found = null], stored] = await Promise.all([sql.byIds([id]), sql.files([id])]);
      const files = Object.entries<string>(ExportFileKind).map(async ([kind, value]) => {
        const file = stored.find((each) => each.kind === value);
        const path = file && join(options.folder, file.object_key);
        return { kind, preview: path === undefined ? null : await readPreview(path) };
      });
      return { export: found && { id, files: await Promise.all(files) } };
    },
    async ExportsAndLinks(variables: ListVariables) {
      const { data, pagination } = await readPage(variables);
      const urls = new Map<string, string>();
      for (const file of await sql.files(data.map(({ id }) => id)))
        urls.set(`${file.export_id} ${file.kind}`, signLink(file, options));
      const withLinks = data.map((row) => ({
        ...row,
        csvUrl: urls.get(`${row.id} csv`) ?? null,
        jsonUrl: urls.get(`${row.id} json`) ?? null,
      }));
      return { exports: { data: withLinks, pagination } };
    },
  };

  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    const send = (status: number, body: unknown) => {
      const bytes = Buffer.from(JSON.stringify(body));
      response.writeHead(status, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': bytes.length,
      });
      response.end(bytes);
    };
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { operationName, variables } = JSON.parse(body) as GraphqlRequest;
      const operation = operations[operationName];
      if (operation === undefined) {
        send(400, { errors: [{ message: `There is no operation ${operationName}.` }] });
        return;
      }
      operation(variables as never).then(
        (data) => {
          send(200, { data });
        },
        (error: unknown) => {
          send(500, { errors: [{ message: String(error) }] });
        },
      );
    });
  });
}

/** Does the work of `LocalUrlSigner` and no more. */
function signLink(file: PlainFile, { origin, secret, ttl }: FileOptions): string {
  const expires = Math.floor(Date.now() / 1000) + ttl;
  const message = JSON.stringify([file.object_key, file.file_name, expires]);
  const signature = createHmac('sha256', secret).update(message).digest('base64url');
  const path = file.object_key.split('/').map(encodeURIComponent).join('/');
  const name = encodeURIComponent(file.file_name);
  return `${origin}/files/${path}?name=${name}&expires=${expires}&signature=${signature}`;
}
