import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';

import type { GraphqlRequest } from '../workloads.js';
import type { ListVariables, PlainExport, PlainFile, PlainSql } from './plain-sql.js';

/** The settings of signed links. */
export interface LinkOptions {
  readonly origin: string;
  readonly secret: string;
  /** In seconds. */
  readonly ttl: number;
}

/**
 * LIMIT: the upper limit for a server. It parses no GraphQL, but knows the operations of the bench
 * by name and writes the responses of a GraphQL server.
 */
export function createLimitServer(sql: PlainSql, links: LinkOptions): Server {
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
    async ExportsAndLinks(variables: ListVariables) {
      const { data, pagination } = await readPage(variables);
      const urls = new Map<string, string>();
      for (const file of await sql.files(data.map(({ id }) => id)))
        urls.set(`${file.export_id} ${file.kind}`, signLink(file, links));
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
function signLink(file: PlainFile, { origin, secret, ttl }: LinkOptions): string {
  const expires = Math.floor(Date.now() / 1000) + ttl;
  const message = JSON.stringify([file.object_key, file.file_name, expires]);
  const signature = createHmac('sha256', secret).update(message).digest('base64url');
  const path = file.object_key.split('/').map(encodeURIComponent).join('/');
  const name = encodeURIComponent(file.file_name);
  return `${origin}/files/${path}?name=${name}&expires=${expires}&signature=${signature}`;
}
