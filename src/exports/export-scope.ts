/** The exports that a viewer may see. Every statement about exports or files is restricted to one. */
export interface ExportScope {
  readonly organization: string;
  /** Only those whose `requestedBy` is exactly this text, which is not empty; null: all of them. */
  readonly onlyRequestedBy: string | null;
}
