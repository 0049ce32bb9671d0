import { SignJWT } from 'jose';

import type { AuthConfig } from '../../src/config/auth.js';
import { readConfig } from '../../src/config/config.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import type { EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportRow, fileRow, insertRows } from '../support/rows.js';
import { createDatabaseProxy } from '../support/database-proxy.js';
import { createTestDatabase } from '../support/test-database.js';
import { shipment, startShipments } from './shipments.js';
import { serviceSdl, type Subgraph } from './supergraph.js';

const secret = 'a secret of the tests with 40 characters';

/** The settings of a gateway that wants the tokens of `bearing`. */
export const authRequired: AuthConfig = readConfig({
  AUTH: 'required',
  JWT_SECRET: secret,
}).auth;

/** The header that makes its sender a viewer of an organization. */
export async function bearing(organization: string): Promise<{ authorization: string }> {
  const token = await new SignJWT({ org_id: organization })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  return { authorization: `Bearer ${token}` };
}

/** The exports of org_a, from 0 on; each has a CSV file and none of JSON, and is the last one of a shipment of its number. */
export const OWN = 120;
/** An export of org_b; the last one of a shipment, as well. */
export const FOREIGN = 120;
/** The export of no row; and yet the last one of a shipment. */
export const UNKNOWN = 121;
/** A second shipment whose last export is the first one. */
export const SECOND = 122;

/** The two subgraphs of a graph, each of them running. */
export interface Subgraphs {
  readonly gateway: Gateway;
  readonly exports: Subgraph;
  readonly shipments: Subgraph;
  /** Runs something; gives what it gives, and the statements that were sent to the database meanwhile. */
  counting<Result>(run: () => Promise<Result>): Promise<Result & { statements: string[] }>;
  close(): Promise<void>;
}

/** Starts the gateway, for which everyone needs a token, and the shipments beside it. */
export async function startSubgraphs(database: EngineDatabase): Promise<Subgraphs> {
  const gateway = await startGateway(database, { config: { auth: authRequired } });
  const indexes = [...Array(OWN).keys()];
  await insertRows(gateway.source, {
    exports: [
      ...indexes.map((index) => exportRow(index, { organizationId: 'org_a' })),
      exportRow(FOREIGN, { organizationId: 'org_b' }),
    ],
    files: [...indexes, FOREIGN].map((index) => fileRow(index, ExportFileKind.CSV)),
  });
  const shipments = await startShipments([
    ...[...indexes, FOREIGN, UNKNOWN].map((index) => shipment(index)),
    shipment(SECOND, 0),
  ]);
  const url = `${gateway.origin}/graphql`;

  return {
    gateway,
    exports: { name: 'exports', url, sdl: await serviceSdl(url, await bearing('org_a')) },
    shipments: { name: 'shipments', url: shipments.url, sdl: shipments.sdl },
    async counting(run) {
      const before = gateway.log.length;
      const answer = await run();
      const statements = gateway.log
        .slice(before)
        .flatMap(({ sql }) => (typeof sql === 'string' ? [sql] : []));
      return { ...answer, statements };
    },
    async close() {
      await shipments.close();
      await gateway.close();
    },
  };
}

/** Runs something with subgraphs, the exports of which have lost their database. */
export async function withoutDatabase(run: (subgraphs: Subgraphs) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  const proxy = await createDatabaseProxy(database.url);
  await proxy.open();
  const subgraphs = await startSubgraphs({
    config: { kind: 'mysql', url: proxy.url },
    dispose: () => database.drop(),
  });
  try {
    await proxy.close();
    await run(subgraphs);
  } finally {
    await subgraphs.close();
    await proxy.close();
    await database.drop();
  }
}
