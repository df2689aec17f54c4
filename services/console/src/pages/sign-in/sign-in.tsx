import { type FormEvent, useState } from 'react';
import { checkKey } from '../../api/client.js';
import { ApiProblem, ApiUnreachable } from '../../api/problem.js';
import { signIn, useSession } from '../../session/session.js';

/** Asks for an API key, and checks it with the api before anything else is shown. */
export function SignIn() {
  const { ended } = useSession();
  const [key, setKey] = useState('');
  const [isStored, setStored] = useState(false);
  const [isChecking, setChecking] = useState(false);
  const [problem, setProblem] = useState(ended);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const entered = key.trim();
    if (entered === '') return setProblem('Enter an API key.');
    setChecking(true);
    setProblem(undefined);
    try {
      await checkKey(entered);
      signIn(entered, isStored);
    } catch (error) {
      setProblem(sentenceOf(error));
      setChecking(false);
    }
  };

  return (
    <main className="sign-in">
      <form className="panel" onSubmit={(event) => void submit(event)} noValidate>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1>Lamplighter</h1>
        <label htmlFor="key">API key</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={key}
          placeholder="lamp_…"
          aria-describedby="key-help key-problem"
          aria-invalid={problem !== undefined}
          onChange={({ target }) => setKey(target.value)}
        />
        <p id="key-problem" className="form-problem" role="alert">
          {problem}
        </p>
        <label className="check">
          <input type="checkbox" checked={isStored} onChange={({ target }) => setStored(target.checked)} />
          Stay signed in for this tab
        </label>
        <button className="button primary" type="submit" disabled={isChecking}>
          {isChecking ? 'Checking the key' : 'Sign in'}
        </button>
        <p id="key-help" className="muted">
          To create a key: <code>npm run key</code>, or in containers{' '}
          <code>docker compose exec api node dist/create-key.js</code>. Without the checkbox, the key stays in
          memory only.
        </p>
      </form>
    </main>
  );
}

function sentenceOf(error: unknown): string {
  if (error instanceof ApiProblem && error.status === 401)
    return `${error.message} Check that you copied all of it, or create another one.`;
  if (error instanceof ApiUnreachable) return 'The api does not respond. Check that it runs, then try again.';
  if (error instanceof ApiProblem) return error.message;
  throw error;
}
