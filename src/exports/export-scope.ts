import type { ExportRow } from './export.js';

/** The exports that a viewer may see. Every statement about exports or files is restricted to one. */
export interface ExportScope {
  readonly organization: string;
  /** Only those whose `requestedBy` is exactly this text, which is not empty; null: all of them. */
  readonly onlyRequestedBy: string | null;
}

/** Whether an export is in the scope of a requester of its organization; null: of any. */
export function isInScope({ requestedBy }: ExportRow, requester: string | null): boolean {
  return requester === null || requestedBy === requester;
}
