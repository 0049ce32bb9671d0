import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { describeWith } from '../support/describe-with.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { exportId } from '../support/rows.js';
import type { AskOptions } from './federated-graph.js';
import { stitch, wayNames, type StitchedGraph } from './stitched-graph.js';
import {
  bearing,
  FOREIGN,
  OWN,
  SECOND,
  startSubgraphs,
  UNKNOWN,
  withoutDatabase,
  type Subgraphs,
} from './subgraphs.js';

const ofA = await bearing('org_a');
const ofB = await bearing('org_b');

const isLinkTo = (index: number) =>
  expect.stringContaining(`/files/exports/${exportId(index)}/csv?`);

/** The one query that every way must answer. */
const crossing =
  'query ($first: Int!) { shipments(first: $first) { id lastExport { id name csvUrl jsonUrl shipments { id } } } }';
const crossed = (first: number) => ({
  shipments: [...Array(first).keys()].map((index) => ({
    id: `shp_${index}`,
    lastExport: {
      id: exportId(index),
      name: `Export ${index}`,
      csvUrl: isLinkTo(index),
      jsonUrl: null,
      shipments: [{ id: `shp_${index}` }, ...(index === 0 ? [{ id: `shp_${SECOND}` }] : [])],
    },
  })),
});

describe.each(engines)('a stitched graph on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let subgraphs: Subgraphs;

  beforeAll(async () => {
    database = await provide();
    subgraphs = await startSubgraphs(database);
  });
  afterAll(async () => {
    await subgraphs.close();
    await database.dispose();
  });

  describe.each(wayNames)('by %s', (way) => {
    let graph: StitchedGraph;

    beforeAll(async () => {
      graph = await stitch(subgraphs, { way, headers: ofA });
    });
    afterAll(async () => {
      await graph.close();
    });

    const ask = (document: string, options: AskOptions = { headers: ofA }) =>
      subgraphs.counting(() => graph.query<Record<string, unknown>>(document, options));

    it('crosses from 50 shipments to their exports and back: one request and two statements, with links', async () => {
      const { data, errors, requests, statements } = await ask(crossing, {
        headers: ofA,
        variables: { first: 50 },
      });
      expect(errors).toBeUndefined();
      expect(data).toEqual(crossed(50));
      expect(requests['exports']).toBe(1);
      expect(statements).toHaveLength(2);
    });

    it('reads and signs nothing for links that are not selected', async () => {
      const { data, requests, statements } = await ask(
        '{ shipments(first: 50) { lastExport { name } } }',
      );
      expect(data['shipments']).toHaveLength(50);
      expect(requests).toEqual({ shipments: 1, exports: 1 });
      expect(statements).toEqual([expect.stringContaining(' e.id IN (')]);
    });

    it('crosses to more exports than exportsByIds takes ids, in batches of 100', async () => {
      const { data, errors, requests, statements } = await ask(crossing, {
        headers: ofA,
        variables: { first: OWN },
      });
      expect(errors).toBeUndefined();
      expect(data).toEqual(crossed(OWN));
      expect(requests['exports']).toBe(1);
      expect(statements).toHaveLength(2);
    });

    it('crosses from exports to their shipments and back; in the list the flags decide', async () => {
      const { data, errors } = await ask(
        '{ exports(limit: 2) { data { name csvUrl shipments { id lastExport { name csvUrl } } } } }',
      );
      expect(errors).toBeUndefined();
      expect(data).toMatchObject({
        exports: {
          data: [
            { name: 'Export 0' },
            {
              name: 'Export 1',
              csvUrl: null,
              shipments: [{ id: 'shp_1', lastExport: { name: 'Export 1', csvUrl: isLinkTo(1) } }],
            },
          ],
        },
      });
    });

    it('is null for an export of another organization as for one of nobody', async () => {
      const document = `{
        foreign: shipment(id: "shp_${FOREIGN}") { id lastExport { csvUrl name } }
        unknown: shipment(id: "shp_${UNKNOWN}") { id lastExport { csvUrl name } } }`;
      const { data, errors } = await ask(document);
      expect(data).toEqual({
        foreign: { id: `shp_${FOREIGN}`, lastExport: null },
        unknown: { id: `shp_${UNKNOWN}`, lastExport: null },
      });
      // The stitched graph itself complains: it had an id, and then no name.
      const message = 'Cannot return null for non-nullable field Export.name.';
      expect(errors).toMatchObject([{ message }, { message }]);
      const { data: theirs } = await ask(document, { headers: ofB });
      expect(theirs).toMatchObject({
        foreign: { lastExport: { name: `Export ${FOREIGN}`, csvUrl: isLinkTo(FOREIGN) } },
        unknown: { lastExport: null },
      });
    });

    it('keeps the codes of errors', async () => {
      const wrong = await ask(
        '{ exports(limit: 101) { data { id } } shipment(id: "shp_1") { id } }',
      );
      expect(wrong.data).toEqual({ exports: null, shipment: { id: 'shp_1' } });
      expect(wrong.errors).toMatchObject([
        { path: ['exports'], extensions: { code: 'BAD_USER_INPUT' } },
      ]);

      const dear = await ask(
        `{ ${[...Array(12).keys()].map((n) => `a${n}: exports(limit: 100) { data { id name status createdAt csvUrl updatedAt } }`).join(' ')} }`,
      );
      expect(new Set(dear.errors?.map(({ extensions }) => extensions['code']))).toEqual(
        new Set(['QUERY_TOO_COMPLEX']),
      );
      expect(dear.statements).toEqual([]);

      const stranger = await ask('{ shipment(id: "shp_1") { id lastExport { csvUrl } } }', {});
      expect(stranger.data).toMatchObject({ shipment: { id: 'shp_1' } });
      expect(stranger.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      expect(stranger.statements).toEqual([]);
    });
  });
});

describeWith('mysql', 'a stitched graph whose exports have lost their database', () => {
  it('answers what it can, and keeps the code of the rest', async () => {
    await withoutDatabase(async (subgraphs) => {
      for (const way of wayNames) {
        const graph = await stitch(subgraphs, { way, headers: ofA });
        try {
          const { data, errors } = await graph.query<unknown>(
            '{ exports { data { id } } shipment(id: "shp_1") { id lastExport { csvUrl } } }',
            { headers: ofA },
          );
          expect(data).toMatchObject({ exports: null, shipment: { id: 'shp_1' } });
          expect(errors).toMatchObject([
            { path: ['exports'], extensions: { code: 'SERVICE_UNAVAILABLE' } },
            {
              path: ['shipment', 'lastExport', 'csvUrl'],
              extensions: { code: 'SERVICE_UNAVAILABLE' },
            },
          ]);
        } finally {
          await graph.close();
        }
      }
    });
  });
});
