import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { ApiProblem } from '../api/problem.js';
import { SignIn } from '../pages/sign-in/sign-in.js';
import { useSession } from '../session/session.js';
import { Pages } from './pages.js';

/** Temporary failures are repeated by the next refetch; meanwhile the page shows the last known data, with its age. */
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => !(error instanceof ApiProblem && error.status < 500) && failures < 2,
      refetchIntervalInBackground: false,
    },
  },
});

export function App() {
  const { key } = useSession();
  if (key === undefined) {
    queries.clear();
    return <SignIn />;
  }
  return (
    <QueryClientProvider client={queries}>
      <Pages />
    </QueryClientProvider>
  );
}
