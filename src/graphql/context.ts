import type { OperationTypeNode } from 'graphql';

import type { Viewer } from '../auth/viewer.js';
import type { ExportContext } from '../exports/export-resolver.js';

/** What came of a GraphQL request. */
export interface OperationResult {
  /** Undefined where there was none to execute: a syntax error, or no operation of that name. */
  readonly operation:
    { readonly type: OperationTypeNode; readonly name: string | null } | undefined;
  /** The code of the first error; null: there is none, or none yet. */
  readonly code: string | null;
}

/** What is known of the request that is served. */
export interface Context extends ExportContext {
  readonly requestId: string;
  /** Whether its answer holds links, which work for whoever holds them. */
  readonly holdsLinks: () => boolean;
  /** To be told what is known of what came of it, as soon as it is known. */
  readonly onOperationResult: (outcome: OperationResult) => void;
}

/** A fresh context for a request of this viewer. */
export function createContext(
  { organization }: Viewer,
  {
    links,
    requestId,
    onOperationResult,
  }: Pick<Context, 'links' | 'requestId' | 'onOperationResult'>,
): Context {
  let holdsLinks = false;
  return {
    organization,
    requestId,
    onOperationResult,
    links: {
      sign(file) {
        holdsLinks = true;
        return links.sign(file);
      },
    },
    holdsLinks: () => holdsLinks,
  };
}
