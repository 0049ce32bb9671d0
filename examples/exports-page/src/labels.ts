import type {
  ExportFileKind,
  ExportFileState,
  ExportResource,
  ExportStatus,
  RowFragment,
} from './gql/graphql.js';

export const RESOURCES: Readonly<Record<ExportResource, string>> = {
  CONTACT: 'Contacts',
  GROUP: 'Groups',
  LOCATION: 'Locations',
  SHIPMENT: 'Shipments',
  TRACKER: 'Trackers',
  SHIPPING_LABEL_INFERENCE: 'Shipping labels',
  OTHER: 'Other',
};

export const STATUSES: Readonly<Record<ExportStatus, string>> = {
  QUEUED: 'Queued',
  PROCESSING: 'Processing',
  COMPLETED: 'Completed',
  FAILED: 'Failed',
  TIMED_OUT: 'Timed out',
};

export const KINDS: Readonly<Record<ExportFileKind, string>> = {
  CSV: 'CSV',
  JSON: 'JSON',
  CSV_ERROR: 'Errors',
  CSV_SANITIZED: 'Sanitized',
};

export const STATES: Readonly<Record<ExportFileState, string>> = {
  PENDING: 'not written yet',
  READY: 'ready',
  NOT_PRODUCED: 'not produced',
  EXPIRED: 'expired',
};

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const count = new Intl.NumberFormat();
const size = new Intl.NumberFormat(undefined, {
  style: 'unit',
  unit: 'byte',
  notation: 'compact',
  unitDisplay: 'narrow',
});

export const formatTime = (time: string) => dateTime.format(new Date(time));
export const formatCount = (value: number) => count.format(value);
export const formatSize = (bytes: number) => size.format(bytes);

/** The text beside the progress bar. */
export function progressText({ progress, estimatedCompletionAt }: RowFragment): string {
  if (progress === null) return '';
  const percent = `${Math.floor(progress * 100)} %`;
  if (estimatedCompletionAt === null) return percent;
  const minutes = Math.ceil((Date.parse(estimatedCompletionAt) - Date.now()) / 60_000);
  return `${percent}, about ${Math.max(1, minutes)} min left`;
}
