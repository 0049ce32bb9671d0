import { useQuery } from '@apollo/client/react';
import { useEffect, useRef } from 'react';

import { DETAILS } from './documents.js';
import { DownloadButton } from './download-button.js';
import { Status } from './exports-table.js';
import type { DetailsQuery } from './gql/graphql.js';
import { formatCount, formatSize, formatTime, KINDS, RESOURCES, STATES } from './labels.js';
import { Problem } from './problem.js';

type File = NonNullable<DetailsQuery['export']>['files'][number];

/** An export with its files and the first rows of each, in a modal dialog that Escape closes. */
export function ExportPanel({
  id,
  onClose,
}: {
  readonly id: string;
  readonly onClose: () => void;
}) {
  const options = { variables: { id }, fetchPolicy: 'cache-and-network' } as const;
  const { data, error, refetch } = useQuery(DETAILS, options);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const shown = data?.export;
  return (
    <dialog ref={dialog} aria-labelledby="panel-title" onClose={onClose}>
      <form method="dialog">
        <button aria-label="Close">✕</button>
      </form>
      <h2 id="panel-title">{shown?.name ?? 'Export'}</h2>
      {error && <Problem key={error.message} error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <p role="status">Loading…</p>}
      {shown === null && <p role="status">There is no such export.</p>}
      {shown && (
        <>
          <p>
            <Status row={shown} /> {RESOURCES[shown.resource]}, created{' '}
            {formatTime(shown.createdAt)}
          </p>
          {shown.files.map((file) => (
            <FileSection key={file.id} exportId={id} file={file} />
          ))}
        </>
      )}
    </dialog>
  );
}

function FileSection({ exportId, file }: { readonly exportId: string; readonly file: File }) {
  const { kind, state, fileName, sizeBytes, rowCount, preview } = file;
  const facts = [
    sizeBytes === null ? [] : formatSize(sizeBytes),
    rowCount === null ? [] : `${formatCount(rowCount)} rows`,
  ].flat();
  return (
    <section aria-label={KINDS[kind]}>
      <h3>{KINDS[kind]}</h3>
      {state !== 'READY' && <p>This file is {STATES[state]}.</p>}
      {state === 'READY' && (
        <p>
          <DownloadButton exportId={exportId} kind={kind} of={fileName} /> {fileName}{' '}
          <small>{facts.join(', ')}</small>
        </p>
      )}
      {preview && <Preview kind={kind} preview={preview} />}
    </section>
  );
}

type PreviewProps = { readonly kind: File['kind']; readonly preview: NonNullable<File['preview']> };

function Preview({ kind, preview: { columns, rows, isTruncated } }: PreviewProps) {
  return (
    // It scrolls, so the keyboard must reach it.
    <div className="scrollable" role="region" aria-label={`Preview of ${KINDS[kind]}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={index} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, index) => (
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {isTruncated && <small>The file has more.</small>}
    </div>
  );
}
