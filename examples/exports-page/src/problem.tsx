import { useEffect, useEffectEvent, useState } from 'react';

import { errorCode, retryDelay } from './client.js';
import { signIn } from './session.js';

interface Props {
  readonly error: Error;
  readonly retry: () => void;
}

/** Says what is wrong and when the page tries again, or asks for a token. */
export function Problem({ error, retry }: Props) {
  if (errorCode(error) === 'UNAUTHENTICATED') return <SignIn onSignedIn={retry} />;
  const delay = retryDelay(error);
  return (
    <div role="alert" className="problem">
      <p>{delay === null ? error.message : 'The exports cannot be loaded at the moment.'}</p>
      {delay !== null && <Countdown seconds={delay} onEnd={retry} />}
      <button type="button" onClick={retry}>
        Try now
      </button>
    </div>
  );
}

function Countdown({ seconds, onEnd }: { readonly seconds: number; readonly onEnd: () => void }) {
  const [left, setLeft] = useState(seconds);
  const end = useEffectEvent(onEnd);
  useEffect(() => {
    const timer = setTimeout(() => {
      setLeft(left > 1 ? left - 1 : seconds);
      if (left <= 1) end();
    }, 1_000);
    return () => {
      clearTimeout(timer);
    };
  }, [left, seconds]);
  return <p aria-live="off">Trying again in {left} s.</p>;
}

/** For a page whose back end has no session of the user. */
function SignIn({ onSignedIn }: { readonly onSignedIn: () => void }) {
  function submit(form: FormData) {
    signIn((form.get('token') as string).trim());
    onSignedIn();
  }
  return (
    <form role="alert" className="problem" action={submit}>
      <label>
        Your session has ended. Access token:
        <input name="token" type="password" autoComplete="off" required />
      </label>
      <button type="submit">Sign in</button>
    </form>
  );
}
