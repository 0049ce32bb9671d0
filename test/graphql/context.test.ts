import { describe, expect, it, jest } from '@jest/globals';

import type { Viewer } from '../../src/auth/viewer.js';
import type { LiveExports } from '../../src/exports/live-exports.js';
import { createContext } from '../../src/graphql/context.js';

describe('the context of a request', () => {
  it('has the whole second in which the request came', () => {
    jest.useFakeTimers({ now: new Date('2026-11-02T12:04:00.999Z') });
    const request = { requestId: 'a', onOperationResult: () => undefined, stream: null };
    const access = { signer: { sign: jest.fn<never>() }, previews: { read: jest.fn<never>() } };
    const services = { access, live: {} as LiveExports };
    const { now } = createContext({ canReadFiles: true } as Viewer, request, services);
    expect(now).toEqual(new Date('2026-11-02T12:04:00.000Z'));
  });
});
