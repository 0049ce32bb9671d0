import { DownloadButton } from './download-button.js';
import type { RowFragment } from './gql/graphql.js';
import { formatCount, formatTime, progressText, RESOURCES, STATUSES } from './labels.js';

interface Props {
  readonly rows: readonly RowFragment[];
  /** Other rows are about to take their place. */
  readonly isBusy: boolean;
  readonly onOpen: (id: string) => void;
}

export function ExportsTable({ rows, isBusy, onOpen }: Props) {
  return (
    <div className="scrollable">
      <table aria-label="Exports" aria-busy={isBusy}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Resource</th>
            <th scope="col">Status</th>
            <th scope="col" className="number">
              Records
            </th>
            <th scope="col">Created</th>
            <th scope="col">Download</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">
                <button
                  type="button"
                  className="link"
                  onClick={() => {
                    onOpen(row.id);
                  }}
                >
                  {row.name}
                </button>
              </th>
              <td>{RESOURCES[row.resource]}</td>
              <td>
                <Status row={row} />
              </td>
              <td className="number">{formatCount(row.countTotal)}</td>
              <td>
                {formatTime(row.createdAt)}
                {row.requestedBy !== null && <small>by {row.requestedBy}</small>}
              </td>
              <td>
                {row.files
                  .filter(({ state }) => state === 'READY')
                  .map(({ id, kind }) => (
                    <DownloadButton key={id} exportId={row.id} kind={kind} of={row.name} />
                  ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The status, and what explains it. */
export function Status({ row }: { readonly row: RowFragment }) {
  const { status, progress, failureCode, failureReason, isExpired, expiresAt } = row;
  return (
    <>
      <span className="status" data-status={isExpired ? 'EXPIRED' : status}>
        {isExpired ? 'Expired' : STATUSES[status]}
      </span>
      {status === 'PROCESSING' && (
        <>
          {/* Without a value it is indeterminate. */}
          <progress value={progress ?? undefined} aria-label={`Progress of ${row.name}`} />
          <small>{progressText(row)}</small>
        </>
      )}
      {failureCode !== null && <code>{failureCode}</code>}
      {failureReason !== null && <small>{failureReason}</small>}
      {isExpired && expiresAt !== null && <small>Files kept until {formatTime(expiresAt)}</small>}
    </>
  );
}
