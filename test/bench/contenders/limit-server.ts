import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';

import type { GraphqlRequest } from '../workloads.js';
import type { PlainExport, PlainFile, PlainFilter, PlainSql } from './plain-sql.js';

/** What local links are made with. */
export interface LinkOptions {
  readonly origin: string;
  readonly secret: string;
  /** In seconds. */
  readonly ttl: number;
}

interface ListVariables {
  readonly filter?: PlainFilter;
  readonly page: number;
  readonly limit: number;
}

/**
 * LIMIT: what a server can reach that knows no GraphQL. It tells the operations of the bench by their names, and writes the
 * answer that a GraphQL server would.
 */
export function createLimitServer(sql: PlainSql, links: LinkOptions): Server {
  async function list({ filter, page, limit }: ListVariables) {
    const rows = await sql.page(filter, page, limit);
    const hasMore = rows.length > limit;
    return { data: hasMore ? rows.slice(0, limit) : rows, pagination: { page, limit, hasMore } };
  }

  const answers: Record<string, (variables: never) => Promise<unknown>> = {
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
      return { exports: await list(variables) };
    },
    async ExportsAndCount(variables: ListVariables) {
      const [{ data, pagination }, totalCount] = await Promise.all([
        list(variables),
        sql.count(variables.filter),
      ]);
      return { exports: { data, pagination: { ...pagination, totalCount } } };
    },
    async ExportsAndLinks(variables: ListVariables) {
      const { data, pagination } = await list(variables);
      const urls = new Map<string, string>();
      for (const file of await sql.files(data.map(({ id }) => id))) {
        urls.set(`${file.export_id} ${file.kind}`, linkTo(file, links));
      }
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
    const send = (status: number, answer: unknown) => {
      const body = Buffer.from(JSON.stringify(answer));
      response.writeHead(status, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': body.length,
      });
      response.end(body);
    };
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { operationName, variables } = JSON.parse(
        Buffer.concat(chunks).toString(),
      ) as GraphqlRequest;
      const answer = answers[operationName];
      if (answer === undefined) {
        send(400, { errors: [{ message: `There is no ${operationName}.` }] });
        return;
      }
      answer(variables as never).then(
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

/** The work of `LocalUrlSigner`, and not more. */
function linkTo(file: PlainFile, { origin, secret, ttl }: LinkOptions): string {
  const expires = Math.floor(Date.now() / 1000) + ttl;
  const message = JSON.stringify([file.object_key, file.file_name, expires]);
  const signature = createHmac('sha256', secret).update(message).digest('base64url');
  const path = file.object_key.split('/').map(encodeURIComponent).join('/');
  const name = encodeURIComponent(file.file_name);
  return `${origin}/files/${path}?name=${name}&expires=${expires}&signature=${signature}`;
}
